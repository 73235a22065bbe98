#include "dav/long_poll.h"

#include <algorithm>
#include <chrono>

#include "dav/rights.h"
#include "dav/sync_client.h"
#include "http/prefer.h"

namespace holdfast::dav {

LongPoll::LongPoll(Call& call) : call_(call) {
  const auto asked = http::preferred_wait_s(call.fields());
  if (!asked || call.past || call.names.change_waits() == nullptr) return;
  seconds_ = std::min(*asked, kMost_s);
  deadline_ = fiber::Clock::now() + std::chrono::seconds(*seconds_);
  if (const auto text = call.fields().joined("If-None-Match"))
    known_ = http::parse_entity_tags(*text);
}

void LongPoll::begin_look() {
  if (wait_) wait_->rearm();
}

LongPoll::Next LongPoll::decide(std::unique_ptr<const storage::Snapshot>& snapshot,
                                const storage::Resolution& target) {
  tag_.clear();
  if (!seconds_ || right_on(*call_.caller, target.path) < storage::Right::read ||
      !snapshot->knows_changes_since(snapshot->next_change()))
    return Next::answer;
  tag_ = collection_tag(*snapshot, *target.resource, fingerprint(*call_.caller));
  if (!known_.matches_weakly(tag_)) return Next::answer;
  if (is_over_ || *seconds_ == 0) return Next::not_modified;
  if (!wait_) wait_.emplace(*call_.names.change_waits(), call_.caller->account);
  if (!wait_->admitted()) return Next::not_modified;
  // What changed before it was watched is seen by another look.
  if (wait_->watch(target.lineage)) return Next::look_again;
  snapshot.reset();
  is_over_ = !wait_->until(deadline_) || fiber::Clock::now() >= deadline_;
  require_signed_in(call_);
  return Next::look_again;
}

void LongPoll::describe(Response& response) const {
  if (tag_.empty()) return;
  response.set("ETag", "W/\"" + tag_ + "\"");
  response.set("Vary", "Prefer");
  if (wait_ && wait_->admitted())
    response.set("Preference-Applied", "wait=" + std::to_string(*seconds_));
}

}  // namespace holdfast::dav

// GET and HEAD on a collection that wait until something at or below it changes: Prefer: wait (RFC
// 7240 §4.3) with If-None-Match (docs/sync.md). It is offered where changes get numbers, to callers
// who may read the collection. While a request waits it holds its fiber, no thread and no snapshot.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "dav/call.h"
#include "http/entity_tag.h"
#include "storage/change_waits.h"

namespace holdfast::dav {

// For one request, on its own thread or fiber.
class LongPoll {
 public:
  // The longest wait.
  static constexpr std::uint64_t kMost_s = 60;

  // `call` must outlive the object.
  explicit LongPoll(Call& call);

  enum class Next { answer, not_modified, look_again };
  // Call before each snapshot that is taken for decide().
  void begin_look();
  // Says what to do with the mapped collection `target` as `snapshot` shows it. Before `look_again`
  // it may have waited: then it has given the snapshot up first. Throws Error 401 or 403 when the
  // caller's rights have ended meanwhile.
  [[nodiscard]] Next decide(std::unique_ptr<const storage::Snapshot>& snapshot,
                            const storage::Resolution& target);
  // Adds the fields that tell the client about it: ETag, Vary, Preference-Applied. Call with the
  // response when decide() has said what it is.
  void describe(Response& response) const;

 private:
  Call& call_;
  std::optional<std::uint64_t> seconds_;  // nullopt: the request does not ask for it
  fiber::Clock::time_point deadline_;
  http::EntityTagList known_;
  std::optional<storage::ChangeWaits::Wait> wait_;
  bool is_over_ = false;
  std::string tag_;  // as of the last look; empty where it is not offered
};

}  // namespace holdfast::dav

#include "dav/conditions.h"

#include <algorithm>

#include "dav/refusal.h"
#include "dav/rights.h"
#include "http/date.h"
#include "storage/dates.h"

namespace holdfast::dav {
namespace {

std::string_view entity_tag_of(const storage::Resolution& target) {
  if (!target.resource || target.resource->is_collection()) return {};
  return target.resource->etag;
}

// "*" matches any mapped resource. A list that could not be parsed is empty and matches nothing.
enum class Comparison { strong, weak };
bool matches_tag(const http::EntityTagList& tags, const storage::Resolution& target,
                 Comparison comparison) {
  if (tags.any) return target.mapped();
  const std::string_view current = entity_tag_of(target);
  if (current.empty()) return false;
  return comparison == Comparison::strong ? tags.matches_strongly(current)
                                          : tags.matches_weakly(current);
}

std::optional<http::EntityTagList> tags_field(const Call& call, std::string_view name) {
  const auto text = call.fields().joined(name);
  return text ? std::optional(http::parse_entity_tags(*text)) : std::nullopt;
}

std::optional<std::int64_t> date_field(const Call& call, std::string_view name) {
  const auto text = call.fields().find(name);
  // A date that cannot be read is ignored (RFC 9110 §13.1.3, §13.1.4).
  return text ? http::parse_date(*text) : std::nullopt;
}

// Returns true when a collection above the path is marked so that no date below it proves anything.
bool dates_are_hidden(const storage::Snapshot& snapshot, const storage::Path& path) {
  for (storage::Path above = path.parent(); !above.is_root(); above = above.parent()) {
    const storage::Resolution collection = snapshot.resolve(above);
    if (!collection.resource || storage::hides_dates(*collection.resource)) return true;
  }
  return false;
}

bool holds(const IfCondition& condition, const storage::Resolution& about) {
  bool matches = false;
  if (condition.state_token) {
    matches = std::any_of(about.locks.begin(), about.locks.end(), [&](const storage::Lock& lock) {
      return lock.token == *condition.state_token;
    });
  } else {
    matches =
        matches_tag(http::parse_entity_tags(*condition.entity_tag), about, Comparison::strong);
  }
  return matches != condition.negated;
}

}  // namespace

Conditions::Conditions(const Call& call) : call_(call) {
  if_match_text_ = call.fields().joined("If-Match").value_or("");
  if_match_ = tags_field(call, "If-Match");
  if_none_match_ = tags_field(call, "If-None-Match");
  if_modified_since_ = date_field(call, "If-Modified-Since");
  if_unmodified_since_ = date_field(call, "If-Unmodified-Since");
  // If is a list of lists, so several field lines are joined by a space (RFC 4918 §10.4.2).
  if (const auto text = call.fields().joined("If", " ")) {
    if_ = parse_if(*text, call.options.if_header);
    tokens_ = if_->submitted_tokens();
    for (const IfList& list : if_->lists) {
      std::optional<storage::Path>& path = tagged_.emplace_back();
      if (!list.resource) {
        path = call.target.path;
        continue;
      }
      try {
        Target tag = parse_reference(*list.resource, call.options.space, call.host());
        if (!tag.above_prefix) path = std::move(tag.path);
      } catch (const Error& error) {
        // The state of another server's resource is not known, which is no error; a malformed tag
        // is one.
        if (error.status == 400) throw;
      }
    }
  }
  // For all methods but UNLOCK, Lock-Token is one more field that submits a token (docs/clients.md
  // R70).
  try {
    if (auto token = parse_lock_token(call.fields()))
      if (!submitted(*token)) tokens_.push_back(std::move(*token));
  } catch (const Error&) {
    // A malformed Lock-Token submits nothing.
  }
}

bool Conditions::submitted(std::string_view token) const {
  return std::find(tokens_.begin(), tokens_.end(), token) != tokens_.end();
}

void Conditions::check(const storage::Snapshot& snapshot, const storage::Resolution& target) const {
  check_tags(snapshot, target);
  if (if_none_match_ && matches_tag(*if_none_match_, target, Comparison::weak)) {
    const std::string_view tag = entity_tag_of(target);
    throw condition_failed(tag.empty() ? "If-None-Match matches, because a collection is stored"
                                       : "If-None-Match matches \"" + std::string(tag) +
                                             "\", which is stored");
  }
  check_if(snapshot, target);
}

bool Conditions::check_read(const storage::Snapshot& snapshot,
                            const storage::Resolution& target) const {
  check_tags(snapshot, target);
  check_if(snapshot, target);
  if (if_none_match_) return !matches_tag(*if_none_match_, target, Comparison::weak);
  return !(if_modified_since_ && !entity_tag_of(target).empty() &&
           date_identifies(snapshot, target, *if_modified_since_));
}

void Conditions::check_tags(const storage::Snapshot& snapshot,
                            const storage::Resolution& target) const {
  if (if_match_) {
    if (!matches_tag(*if_match_, target, Comparison::strong))
      throw stale_version(entity_tag_of(target), if_match_text_);
  } else if (if_unmodified_since_ && target.resource &&
             !unmodified_since(snapshot, target, *if_unmodified_since_)) {
    throw condition_failed(
        "the resource was modified after If-Unmodified-Since, or may have been: " +
        http::format_date(http::second_of(target.resource->modified.at)));
  }
}

void Conditions::check_if(const storage::Snapshot& snapshot,
                          const storage::Resolution& target) const {
  if (!if_) return;
  for (std::size_t i = 0; i < if_->lists.size(); ++i) {
    // An unknown resource has no state: every positive condition fails and every negated one holds.
    // A resource that the caller may not read counts as unknown.
    storage::Resolution elsewhere;
    const storage::Resolution* about = &elsewhere;
    if (!if_->lists[i].resource) {
      about = &target;
    } else if (tagged_[i] && right_on(*call_.caller, *tagged_[i]) >= storage::Right::read) {
      elsewhere = snapshot.resolve(*tagged_[i]);
    }
    const auto& conditions = if_->lists[i].conditions;
    if (std::all_of(conditions.begin(), conditions.end(),
                    [&](const IfCondition& condition) { return holds(condition, *about); }))
      return;
  }
  std::string met = "no list of the If header holds; the resource has ";
  const std::string_view tag = entity_tag_of(target);
  met.append(tag.empty() ? "no entity tag" : "the entity tag \"").append(tag);
  met.append(tag.empty() ? "" : "\"").append(target.locks.empty() ? " and no lock" : " and a lock");
  throw condition_failed(std::move(met));
}

bool date_identifies(const storage::Snapshot& snapshot, const storage::Resolution& target,
                     std::int64_t date_s) {
  const storage::Resource& file = *target.resource;
  const std::int64_t now_s = snapshot.wall_now() / 1000;
  if (http::second_of(file.modified.at) != date_s || date_s >= now_s || file.stored / 1000 >= now_s)
    return false;
  return storage::date_is_its_own(file) && !dates_are_hidden(snapshot, target.path);
}

bool unmodified_since(const storage::Snapshot& snapshot, const storage::Resolution& target,
                      std::int64_t date_s) {
  const storage::Resource& file = *target.resource;
  if (file.is_collection() || !storage::date_tells_writes(file)) return false;
  const std::int64_t modified_s = http::second_of(file.modified.at);
  const bool served_as_now = modified_s > snapshot.wall_now() / 1000;
  const bool holds =
      modified_s == date_s || (served_as_now ? file.stored / 1000 < date_s
                                             : modified_s < date_s && file.stored / 1000 <= date_s);
  return holds && !dates_are_hidden(snapshot, target.path);
}

}  // namespace holdfast::dav

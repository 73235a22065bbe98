#include "dav/propfind_cache.h"

#include <functional>
#include <utility>

namespace holdfast::dav {

std::shared_ptr<const PropFind> PropFindCache::parse(std::string_view body) {
  if (body.empty()) {
    static const auto allprop = std::make_shared<const PropFind>();
    return allprop;
  }
  const std::size_t index = std::hash<std::string_view>{}(body) % kEntries;
  std::shared_ptr<const Parsed> parsed;
  if (body.size() <= kMostBytes) {
    const std::scoped_lock lock(mutex_);
    parsed = entries_[index];
  }
  if (!parsed || parsed->body != body) {
    const xml::ParseSlots::Slot slot = parses_.take();
    auto fresh = std::make_shared<Parsed>();
    fresh->propfind = PropFind::parse(body, options_);
    if (body.size() <= kMostBytes) {
      fresh->body = body;
      const std::scoped_lock lock(mutex_);
      entries_[index] = fresh;
    }
    parsed = std::move(fresh);
  }
  return {parsed, &parsed->propfind};
}

}  // namespace holdfast::dav

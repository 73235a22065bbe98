#include "dav/caller.h"

#include <array>
#include <utility>

namespace holdfast::dav {

std::shared_ptr<const Caller> anonymous_caller(storage::Right right) {
  // The callers are made once, because every request begins as one of them.
  static const std::array<std::shared_ptr<const Caller>, 3> callers = [] {
    std::array<std::shared_ptr<const Caller>, 3> made;
    for (const auto each : {storage::Right::none, storage::Right::read, storage::Right::write}) {
      Caller caller;
      caller.grants.push_back({.path = {}, .right = each});
      made.at(static_cast<std::size_t>(each)) = std::make_shared<const Caller>(std::move(caller));
    }
    return made;
  }();
  return callers.at(static_cast<std::size_t>(right));
}

}  // namespace holdfast::dav

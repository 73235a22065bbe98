#include "dav/caller.h"

namespace holdfast::dav {

std::shared_ptr<const Caller> anonymous_caller(storage::Right right) {
  auto caller = std::make_shared<Caller>();
  caller->grants.push_back({.path = {}, .right = right});
  return caller;
}

}  // namespace holdfast::dav

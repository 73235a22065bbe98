// Who asks, and what they may do where: the rights of an account, narrowed by the device token it
// came with, or those of anonymous clients. An immutable value, made once per sign-in and shared by
// requests; any thread. Judged in the transaction that acts, on paths as stored.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/accounts.h"
#include "storage/model.h"

namespace holdfast::dav {

struct Caller {
  storage::AccountId account = storage::kNobody;
  std::string name;  // empty for anonymous clients
  storage::Path home;
  // The longest path that is a prefix decides; where none is, there is no right.
  std::vector<storage::Grant> grants;
  // What a device token leaves of them: nothing outside `scope`, never more than `most`.
  storage::Path scope;
  storage::Right most = storage::Right::write;
  std::optional<std::uint64_t> quota_bytes;
  std::optional<std::uint64_t> quota_resources;
};

// Anonymous clients with one right everywhere; `right` may be none.
[[nodiscard]] std::shared_ptr<const Caller> anonymous_caller(storage::Right right);

}  // namespace holdfast::dav

#include "storage/accounts.h"

#include <algorithm>
#include <numeric>

#include "storage/name_key.h"
#include "text/utf8.h"

namespace holdfast::storage {
namespace {

// `by_id` has positions in `rows` in the order of ids, or another size.
template <class Row>
const Row* find_by_id(const std::vector<Row>& rows, const std::vector<std::uint32_t>& by_id,
                      AccountId id) {
  if (by_id.size() != rows.size()) {
    const auto found =
        std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.id == id; });
    return found == rows.end() ? nullptr : &*found;
  }
  const auto found = std::lower_bound(
      by_id.begin(), by_id.end(), id,
      [&](std::uint32_t position, AccountId wanted) { return rows[position].id < wanted; });
  return found != by_id.end() && rows[*found].id == id ? &rows[*found] : nullptr;
}

template <class Row>
void index_by_id(const std::vector<Row>& rows, std::vector<std::uint32_t>& by_id) {
  by_id.resize(rows.size());
  std::iota(by_id.begin(), by_id.end(), 0U);
  std::sort(by_id.begin(), by_id.end(),
            [&](std::uint32_t a, std::uint32_t b) { return rows[a].id < rows[b].id; });
}

}  // namespace

bool account_name_allowed(std::string_view name) {
  constexpr std::size_t kMostBytes = 64;
  if (name.empty() || name.size() > kMostBytes) return false;
  for (std::string_view rest = name; !rest.empty();) {
    const text::CodePoint first = text::first_code_point(rest);
    if (first.length == 0 || first.value == ':' || text::is_control_character(first.value))
      return false;
    rest.remove_prefix(first.length);
  }
  return NameKey(name).is_name();
}

bool new_account_name_allowed(std::string_view name) {
  if (!account_name_allowed(name)) return false;
  bool space_allowed = false;
  while (!name.empty()) {
    const text::CodePoint first = text::first_code_point(name);
    const bool is_space = first.value == U' ';
    if (is_space ? !space_allowed : !text::is_name_character(first.value)) return false;
    space_allowed = !is_space;
    name.remove_prefix(first.length);
  }
  return space_allowed;
}

const Account* Accounts::find(std::string_view name) const {
  const auto found =
      std::lower_bound(accounts.begin(), accounts.end(), name,
                       [](const Account& a, std::string_view wanted) { return a.name < wanted; });
  return found != accounts.end() && found->name == name ? &*found : nullptr;
}

const Account* Accounts::find(AccountId id) const {
  return find_by_id(accounts, accounts_by_id_, id);
}

void Accounts::index() {
  index_by_id(accounts, accounts_by_id_);
  index_by_id(groups, groups_by_id_);
}

const Group* Accounts::find_group(std::string_view name) const {
  const auto found =
      std::lower_bound(groups.begin(), groups.end(), name,
                       [](const Group& a, std::string_view wanted) { return a.name < wanted; });
  return found != groups.end() && found->name == name ? &*found : nullptr;
}

const Group* Accounts::find_group(AccountId id) const {
  return find_by_id(groups, groups_by_id_, id);
}

const DeviceToken* Accounts::find_token(std::string_view id) const {
  const auto found =
      std::lower_bound(tokens.begin(), tokens.end(), id,
                       [](const DeviceToken& a, std::string_view wanted) { return a.id < wanted; });
  return found != tokens.end() && found->id == id ? &*found : nullptr;
}

const Session* Accounts::find_session(std::string_view id) const {
  const auto found =
      std::lower_bound(sessions.begin(), sessions.end(), id,
                       [](const Session& a, std::string_view wanted) { return a.id < wanted; });
  return found != sessions.end() && found->id == id ? &*found : nullptr;
}

const Share* Accounts::find_share(std::string_view id) const {
  const auto found =
      std::lower_bound(shares.begin(), shares.end(), id,
                       [](const Share& a, std::string_view wanted) { return a.id < wanted; });
  return found != shares.end() && found->id == id ? &*found : nullptr;
}

}  // namespace holdfast::storage

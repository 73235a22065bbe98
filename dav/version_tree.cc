#include "dav/version_tree.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "dav/file_history.h"
#include "dav/multistatus.h"
#include "dav/rights.h"

namespace holdfast::dav {
namespace {

// The versions of a file, the newest first. The first one is what the file has now.
class VersionTree {
 public:
  VersionTree(const Call& call, const storage::Snapshot& snapshot, const storage::Resolution& file)
      : file_(*file.resource), versions_(snapshot.versions(file_)) {
    self_ = href(call.options.space, file.stored, false);
    context_.options = &call.options;
    context_.caller = call.caller;
    context_.right = right_on(*call.caller, file.path);
    context_.accounts = call.names.accounts();
    context_.version = &facts_;
  }

  [[nodiscard]] std::size_t size() const { return versions_.size() + 1; }
  [[nodiscard]] std::optional<std::size_t> find(std::int64_t version) const {
    const auto at = std::ranges::find(versions_, version, &storage::Version::id);
    if (at == versions_.end()) return std::nullopt;
    return static_cast<std::size_t>(at - versions_.begin()) + 1;
  }

  void append(std::string& out, const PropFind& propfind, std::size_t at) {
    storage::Member member;
    member.resource = at == 0 ? file_ : versions_[at - 1].file;
    member.resource.name = file_.name;
    member.resource.created = member.resource.stored;
    facts_ = {};
    facts_.name = at == 0 ? "current" : std::to_string(versions_[at - 1].id);
    if (at > 0) {
      if (const storage::Account* author = context_.accounts->find(versions_[at - 1].author))
        facts_.creator = author->name;
      facts_.successor = href_of(at - 1);
    }
    if (at + 1 < size()) facts_.predecessor = href_of(at + 1);
    multistatus::append_member(out, propfind, member, href_of(at), context_);
  }

 private:
  [[nodiscard]] std::string href_of(std::size_t at) const {
    return at == 0 ? self_ : version_href(self_, versions_[at - 1].id);
  }

  storage::Resource file_;
  std::vector<storage::Version> versions_;
  std::string self_;
  PropertyContext context_;
  VersionFacts facts_;
};

}  // namespace

Response report_version_tree(Call& call, const xml::Element& asked,
                             std::unique_ptr<const storage::Snapshot> snapshot,
                             storage::Resolution file) {
  require_right_to_past(call, file);
  PropFind propfind;
  propfind.kind = PropFind::Kind::prop;
  if (const auto prop = asked.child_dav("prop")) propfind = PropFind::of(*prop, call.options);
  Response response = multistatus::answer();
  std::string out;
  multistatus::begin(out);
  VersionTree tree(call, *snapshot, file);
  for (std::size_t at = 0; at < tree.size(); ++at) {
    tree.append(out, propfind, at);
    if (out.size() > call.options.listing_limit_bytes)
      throw Error(507, "the report is larger than the limit");
  }
  multistatus::end(out);
  response.body = std::move(out);
  return response;
}

Response version_properties(const Call& call, const PropFind& propfind,
                            const storage::Snapshot& snapshot, const storage::Resolution& file,
                            std::int64_t version) {
  require_right_to_past(call, file);
  VersionTree tree(call, snapshot, file);
  const auto at = tree.find(version);
  if (!at) throw Error(404, "the file has no such version");
  Response response = multistatus::answer();
  std::string out;
  multistatus::begin(out);
  tree.append(out, propfind, *at);
  multistatus::end(out);
  response.body = std::move(out);
  return response;
}

}  // namespace holdfast::dav

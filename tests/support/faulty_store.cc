#include "tests/support/faulty_store.h"

#include <utility>

namespace holdfast::test {

using storage::Content;
using storage::Lock;
using storage::Millis;
using storage::NodeId;
using storage::Resolution;
using storage::Resource;

void FaultPlan::fail_at(std::uint64_t step, storage::Fault fault) {
  steps_ = 0;
  struck_ = false;
  fault_ = fault;
  failing_ = step;
}

std::string FaultPlan::where() const {
  const std::lock_guard lock(mutex_);
  return where_;
}

void FaultPlan::step(const char* name) {
  if (steps_++ != failing_) return;
  {
    const std::lock_guard lock(mutex_);
    where_ = name;
  }
  struck_ = true;
  throw storage::Error(fault_, std::string("made to fail at ") + name);
}

namespace {

// The reading functions, around a Snapshot or a Transaction.
template <class Interface>
class Reading : public Interface {
 public:
  [[nodiscard]] Resolution resolve(const storage::Path& path) const override {
    plan_.step("resolve");
    return reads().resolve(path);
  }
  void members(const Resolution& from, storage::Depth depth, storage::Wanted wanted,
               const std::function<void(const storage::Member&)>& visit) const override {
    plan_.step("members");
    reads().members(from, depth, wanted, [&](const storage::Member& member) {
      plan_.step("row of members");
      visit(member);
    });
  }
  [[nodiscard]] std::uint64_t count(const Resource& root, std::uint64_t limit) const override {
    plan_.step("count");
    return reads().count(root, limit);
  }
  [[nodiscard]] bool fits_below(const Resource& root, std::size_t levels,
                                std::size_t bytes) const override {
    plan_.step("fits_below");
    return reads().fits_below(root, levels, bytes);
  }
  void locks_within(const Resource& root, storage::Among among,
                    const std::function<bool(const Lock&)>& visit) const override {
    plan_.step("locks_within");
    reads().locks_within(root, among, visit);
  }
  [[nodiscard]] std::vector<storage::Property> properties(
      const storage::Resource& resource) const override {
    plan_.step("properties");
    return reads().properties(resource);
  }
  [[nodiscard]] Content content(const Resource& file) const override {
    plan_.step("content");
    return reads().content(file);
  }
  [[nodiscard]] Content facts(const Resource& file) const override {
    plan_.step("facts");
    return reads().facts(file);
  }
  [[nodiscard]] std::optional<Lock> find_lock(std::string_view token,
                                              std::int64_t grace_s) const override {
    plan_.step("find_lock");
    return reads().find_lock(token, grace_s);
  }
  [[nodiscard]] std::optional<Lock> find_lock(const Resolution& at, std::string_view token,
                                              std::int64_t grace_s) const override {
    plan_.step("find_lock");
    return reads().find_lock(at, token, grace_s);
  }
  [[nodiscard]] std::vector<Lock> late_locks(const Resolution& at,
                                             std::int64_t grace_s) const override {
    plan_.step("late_locks");
    return reads().late_locks(at, grace_s);
  }
  [[nodiscard]] std::vector<Lock> all_locks(std::size_t limit) const override {
    plan_.step("all_locks");
    return reads().all_locks(limit);
  }
  [[nodiscard]] std::uint64_t locks_of(storage::AccountId creator) const override {
    plan_.step("locks_of");
    return reads().locks_of(creator);
  }
  [[nodiscard]] storage::Usage usage() const override {
    plan_.step("usage");
    return reads().usage();
  }
  [[nodiscard]] storage::Usage usage_of(storage::AccountId account) const override {
    plan_.step("usage_of");
    return reads().usage_of(account);
  }
  [[nodiscard]] storage::Kept kept_of(storage::AccountId account) const override {
    plan_.step("kept_of");
    return reads().kept_of(account);
  }
  void trash(std::int64_t after,
             const std::function<bool(const storage::TrashEntry&)>& visit) const override {
    plan_.step("trash");
    reads().trash(after, visit);
  }
  [[nodiscard]] std::optional<storage::TrashEntry> trash_entry(std::int64_t id) const override {
    plan_.step("trash_entry");
    return reads().trash_entry(id);
  }
  [[nodiscard]] storage::TrashEntry::Size size_of_trash(
      const storage::TrashEntry& entry) const override {
    plan_.step("size_of_trash");
    return reads().size_of_trash(entry);
  }
  [[nodiscard]] std::vector<storage::Version> versions(const Resource& file) const override {
    plan_.step("versions");
    return reads().versions(file);
  }
  void all_versions(std::int64_t after,
                    const std::function<bool(const storage::Version&)>& visit) const override {
    plan_.step("all_versions");
    reads().all_versions(after, visit);
  }
  [[nodiscard]] std::vector<storage::Dated> next_line(std::int64_t& after) const override {
    plan_.step("next_line");
    return reads().next_line(after);
  }
  [[nodiscard]] std::optional<storage::Instant> instant_at(Millis wall) const override {
    plan_.step("instant_at");
    return reads().instant_at(wall);
  }
  [[nodiscard]] storage::Horizon horizon() const override {
    plan_.step("horizon");
    return reads().horizon();
  }
  [[nodiscard]] std::string epoch() const override { return reads().epoch(); }
  [[nodiscard]] std::int64_t next_change() const override {
    plan_.step("next_change");
    return reads().next_change();
  }
  [[nodiscard]] bool knows_changes_since(std::int64_t number) const override {
    plan_.step("knows_changes_since");
    return reads().knows_changes_since(number);
  }
  void changes(std::int64_t from,
               const std::function<bool(const storage::Change&)>& visit) const override {
    plan_.step("changes");
    reads().changes(from, visit);
  }
  [[nodiscard]] std::int64_t last_change(const storage::Resource& collection) const override {
    plan_.step("last_change");
    return reads().last_change(collection);
  }
  [[nodiscard]] std::optional<storage::Standing> standing(NodeId id) const override {
    plan_.step("standing");
    return reads().standing(id);
  }
  [[nodiscard]] std::optional<storage::Standing> standing(NodeId collection,
                                                          std::string_view name) const override {
    plan_.step("standing");
    return reads().standing(collection, name);
  }
  [[nodiscard]] storage::Instant present_instant() const override {
    plan_.step("present_instant");
    return reads().present_instant();
  }
  void members_at(const storage::Instant& instant, NodeId collection,
                  const std::function<void(const storage::PastMember&)>& visit) const override {
    plan_.step("members_at");
    reads().members_at(instant, collection, visit);
  }
  [[nodiscard]] std::optional<storage::PastMember> resolve_at(
      const storage::Instant& instant, const storage::Path& path) const override {
    plan_.step("resolve_at");
    return reads().resolve_at(instant, path);
  }
  [[nodiscard]] storage::Whereabouts whereabouts(NodeId id) const override {
    plan_.step("whereabouts");
    return reads().whereabouts(id);
  }
  [[nodiscard]] std::vector<storage::NamedSnapshot> named_snapshots() const override {
    plan_.step("named_snapshots");
    return reads().named_snapshots();
  }
  [[nodiscard]] std::optional<std::string> holder(const storage::TrashEntry& entry) const override {
    plan_.step("holder");
    return reads().holder(entry);
  }
  [[nodiscard]] std::optional<std::string> holder(const storage::Version& version) const override {
    plan_.step("holder");
    return reads().holder(version);
  }
  [[nodiscard]] Millis lease_now() const override { return reads().lease_now(); }
  [[nodiscard]] Millis wall_now() const override { return reads().wall_now(); }

 protected:
  explicit Reading(FaultPlan& plan) : plan_(plan) {}
  [[nodiscard]] virtual const storage::Snapshot& reads() const = 0;
  FaultPlan& plan_;
};

class FaultySnapshot final : public Reading<storage::Snapshot> {
 public:
  FaultySnapshot(std::unique_ptr<const storage::Snapshot> inner, FaultPlan& plan)
      : Reading(plan), inner_(std::move(inner)) {}

 private:
  [[nodiscard]] const storage::Snapshot& reads() const override { return *inner_; }
  std::unique_ptr<const storage::Snapshot> inner_;
};

class FaultyTransaction final : public Reading<storage::Transaction> {
 public:
  FaultyTransaction(storage::Transaction& inner, FaultPlan& plan) : Reading(plan), inner_(inner) {}

  Resource put(const Resource& parent, std::string_view name, const Content& content,
               std::optional<storage::Date> modified, storage::AccountId owner) override {
    plan_.step("put");
    return inner_.put(parent, name, content, modified, owner);
  }
  Resource make_collection(const Resource& parent, std::string_view name,
                           storage::AccountId owner) override {
    plan_.step("make_collection");
    return inner_.make_collection(parent, name, owner);
  }
  Resource copy_tree(const Resource& source, bool recursive, const Resource& parent,
                     std::string_view name, storage::AccountId owner) override {
    plan_.step("copy_tree");
    return inner_.copy_tree(source, recursive, parent, name, owner);
  }
  std::shared_ptr<storage::TreeCopy> begin_copy(const Resource& source,
                                                storage::AccountId owner) override {
    plan_.step("begin_copy");
    return inner_.begin_copy(source, owner);
  }
  bool copy_part(storage::TreeCopy& copy, std::size_t most) override {
    plan_.step("copy_part");
    return inner_.copy_part(copy, most);
  }
  std::optional<Resource> place_copy(storage::TreeCopy& copy, const Resource& source,
                                     const Resource& parent, std::string_view name) override {
    plan_.step("place_copy");
    return inner_.place_copy(copy, source, parent, name);
  }
  Resource move_tree(const Resource& source, const Resource& parent,
                     std::string_view name) override {
    plan_.step("move_tree");
    return inner_.move_tree(source, parent, name);
  }
  void remove_tree(const Resource& root) override {
    plan_.step("remove_tree");
    inner_.remove_tree(root);
  }
  void acts_for(storage::AccountId account) override { inner_.acts_for(account); }
  void keep_nothing() override { inner_.keep_nothing(); }
  Resource restore_trash(std::int64_t id, const Resource& parent, std::string_view name) override {
    plan_.step("restore_trash");
    return inner_.restore_trash(id, parent, name);
  }
  bool purge_trash(std::int64_t id) override {
    plan_.step("purge_trash");
    return inner_.purge_trash(id);
  }
  void measure_trash(std::int64_t id, storage::TrashEntry::Size size) override {
    plan_.step("measure_trash");
    inner_.measure_trash(id, size);
  }
  Resource restore_version(const Resource& file, std::int64_t version,
                           storage::Date modified) override {
    plan_.step("restore_version");
    return inner_.restore_version(file, version, modified);
  }
  bool purge_version(std::int64_t id) override {
    plan_.step("purge_version");
    return inner_.purge_version(id);
  }
  Resource restore_content(const Resource& file, const storage::PastMember& then) override {
    plan_.step("restore_content");
    return inner_.restore_content(file, then);
  }
  Resource restore_file(const storage::PastMember& then, const Resource& parent,
                        std::string_view name) override {
    plan_.step("restore_file");
    return inner_.restore_file(then, parent, name);
  }
  Resource restore_member(const Resource& source, const Resource& parent,
                          std::string_view name) override {
    plan_.step("restore_member");
    return inner_.restore_member(source, parent, name);
  }
  void add_snapshot(storage::NamedSnapshot snapshot) override {
    plan_.step("add_snapshot");
    inner_.add_snapshot(std::move(snapshot));
  }
  bool remove_snapshot(std::string_view name) override {
    plan_.step("remove_snapshot");
    return inner_.remove_snapshot(name);
  }
  std::size_t forget_changes(Millis before, std::size_t most) override {
    plan_.step("forget_changes");
    return inner_.forget_changes(before, most);
  }
  NodeId forget_places(const storage::Instant& before, NodeId from, std::size_t most) override {
    plan_.step("forget_places");
    return inner_.forget_places(before, from, most);
  }
  void set_owner(NodeId id, storage::AccountId owner) override {
    plan_.step("set_owner");
    inner_.set_owner(id, owner);
  }
  std::int64_t patch_properties(NodeId id,
                                std::span<const storage::PropertyChange> changes) override {
    plan_.step("patch_properties");
    return inner_.patch_properties(id, changes);
  }
  storage::Usage adopt_tree(const storage::Resource& root, storage::AccountId owner) override {
    plan_.step("adopt_tree");
    return inner_.adopt_tree(root, owner);
  }
  void set_modified(NodeId id, storage::Date modified) override {
    plan_.step("set_modified");
    inner_.set_modified(id, modified);
  }
  Lock add_lock(Lock lock) override {
    plan_.step("add_lock");
    return inner_.add_lock(std::move(lock));
  }
  Lock refresh_lock(const Lock& lock, std::int64_t timeout_s) override {
    plan_.step("refresh_lock");
    return inner_.refresh_lock(lock, timeout_s);
  }
  bool remove_lock(const Lock& lock) override {
    plan_.step("remove_lock");
    return inner_.remove_lock(lock);
  }
  [[nodiscard]] std::shared_ptr<const storage::Accounts> accounts() const override {
    return inner_.accounts();
  }
  storage::AccountId put_account(storage::Account account) override {
    plan_.step("put_account");
    return inner_.put_account(std::move(account));
  }
  void remove_account(storage::AccountId id) override {
    plan_.step("remove_account");
    inner_.remove_account(id);
  }
  storage::AccountId put_group(storage::Group group) override {
    plan_.step("put_group");
    return inner_.put_group(std::move(group));
  }
  void remove_group(storage::AccountId id) override {
    plan_.step("remove_group");
    inner_.remove_group(id);
  }
  void put_token(storage::DeviceToken token) override {
    plan_.step("put_token");
    inner_.put_token(std::move(token));
  }
  bool remove_token(std::string_view id) override {
    plan_.step("remove_token");
    return inner_.remove_token(id);
  }
  void put_session(storage::Session session) override {
    plan_.step("put_session");
    inner_.put_session(std::move(session));
  }
  bool remove_session(std::string_view id) override {
    plan_.step("remove_session");
    return inner_.remove_session(id);
  }
  void put_share(storage::Share share) override {
    plan_.step("put_share");
    inner_.put_share(std::move(share));
  }
  bool remove_share(std::string_view id) override {
    plan_.step("remove_share");
    return inner_.remove_share(id);
  }

 private:
  [[nodiscard]] const storage::Snapshot& reads() const override { return inner_; }
  storage::Transaction& inner_;
};

class FaultyUpload final : public storage::Upload {
 public:
  FaultyUpload(std::unique_ptr<storage::Upload> inner, FaultPlan& plan)
      : inner_(std::move(inner)), plan_(plan) {}
  void append(std::span<const char> bytes) override {
    plan_.step("append");
    inner_->append(bytes);
  }
  [[nodiscard]] std::uint64_t size() const override { return inner_->size(); }
  [[nodiscard]] const Content& seal() override {
    plan_.step("seal");
    const Content& content = inner_->seal();
    plan_.step("flush of seal");
    return content;
  }
  void keep() override { inner_->keep(); }

 private:
  std::unique_ptr<storage::Upload> inner_;
  FaultPlan& plan_;
};

class FaultyReader final : public storage::ContentReader {
 public:
  FaultyReader(std::unique_ptr<storage::ContentReader> inner, FaultPlan& plan)
      : inner_(std::move(inner)), plan_(plan) {}
  [[nodiscard]] std::uint64_t size() const override { return inner_->size(); }
  [[nodiscard]] std::size_t read(std::uint64_t offset, std::span<char> buffer) override {
    plan_.step("read");
    return inner_->read(offset, buffer);
  }
  void require_sound() override {
    plan_.step("require_sound of a file");
    inner_->require_sound();
  }

 private:
  std::unique_ptr<storage::ContentReader> inner_;
  FaultPlan& plan_;
};

}  // namespace

std::unique_ptr<const storage::Snapshot> FaultyNamespace::snapshot() const {
  plan_.step("snapshot");
  return std::make_unique<FaultySnapshot>(inner_.snapshot(), plan_);
}

void FaultyNamespace::write(storage::Flush flush,
                            const std::function<void(storage::Transaction&)>& fn) {
  plan_.step("write");
  inner_.write(flush, [&](storage::Transaction& inner) {
    FaultyTransaction transaction(inner, plan_);
    fn(transaction);
    plan_.step("commit");
  });
  // A full or busy store throws before anything is committed.
  if (plan_.fault() != storage::Fault::full && plan_.fault() != storage::Fault::busy)
    plan_.step("answer of commit");
}

std::vector<std::string> FaultyNamespace::garbage(std::size_t limit) const {
  plan_.step("garbage");
  return inner_.garbage(limit);
}

void FaultyNamespace::forget_garbage(std::span<const std::string> blobs) {
  plan_.step("forget_garbage");
  inner_.forget_garbage(blobs);
}

std::size_t FaultyNamespace::purge(std::size_t most) {
  plan_.step("purge");
  return inner_.purge(most);
}

bool FaultyNamespace::names_blob(const std::string& blob) const {
  plan_.step("names_blob");
  return inner_.names_blob(blob);
}

void FaultyNamespace::for_each_blob(
    const std::function<void(std::int64_t, const Content&)>& visit) const {
  plan_.step("for_each_blob");
  inner_.for_each_blob(visit);
}

void FaultyNamespace::for_each_inline(
    const std::function<void(std::int64_t, const Content&)>& visit) const {
  plan_.step("for_each_inline");
  inner_.for_each_inline(visit);
}

void FaultyNamespace::checkpoint() {
  plan_.step("checkpoint");
  inner_.checkpoint();
}

void FaultyNamespace::purge_expired_locks(std::int64_t grace_s) {
  plan_.step("purge_expired_locks");
  inner_.purge_expired_locks(grace_s);
}

std::unique_ptr<storage::Upload> FaultyContentStore::begin(storage::Digests digests) {
  plan_.step("begin of upload");
  return std::make_unique<FaultyUpload>(inner_.begin(digests), plan_);
}

std::unique_ptr<storage::ContentReader> FaultyContentStore::open(const Content& content) {
  plan_.step("open");
  std::unique_ptr<storage::ContentReader> reader = inner_.open(content);
  if (!reader) return nullptr;
  return std::make_unique<FaultyReader>(std::move(reader), plan_);
}

void FaultyContentStore::remove(const std::string& blob) {
  plan_.step("remove of file");
  inner_.remove(blob);
}

void FaultyContentStore::flush() {
  plan_.step("flush of files");
  inner_.flush();
}

void FaultyContentStore::set_aside(const std::string& blob) {
  plan_.step("set_aside");
  inner_.set_aside(blob);
}

void FaultyContentStore::flush_aside() {
  plan_.step("flush_aside");
  inner_.flush_aside();
}

bool FaultyContentStore::take_back(const Content& content) {
  plan_.step("take_back");
  return inner_.take_back(content);
}

void FaultyContentStore::for_each(
    const std::function<void(const std::string& blob, std::uint64_t size)>& visit) {
  plan_.step("for_each");
  inner_.for_each(visit);
}

void FaultyContentStore::require_sound(std::int64_t id, const Content& content) {
  plan_.step("require_sound of inline content");
  inner_.require_sound(id, content);
}

bool FaultyContentStore::verify(const Content& content) {
  plan_.step("verify");
  return inner_.verify(content);
}

}  // namespace holdfast::test

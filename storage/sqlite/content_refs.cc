// Acts: content rows, their reference counts, and what relaxed durability keeps for a power cut.
#include <vector>

#include "storage/sqlite/act_statements.h"

namespace holdfast::storage::sqlite {

namespace {

// A content's checksums as a statement takes them.
struct Sums {
  explicit Sums(const Content& content)
      : sha256{content.checksums.sha256.data(), content.checksums.sha256.size()} {
    if (const auto& sum = content.checksums.sha1) sha1 = Blob{sum->data(), sum->size()};
    if (const auto& sum = content.checksums.md5) md5 = Blob{sum->data(), sum->size()};
  }
  Blob sha256;
  std::optional<Blob> sha1, md5;
};

}  // namespace

std::int64_t Acts::insert_content(const Content& content) {
  if (!content.is_inline()) {
    // One file, one content: a second row for it would free it twice.
    Run known(sql_->content_of_blob, content.blob);
    if (known.row()) {
      const std::int64_t id = known.integer(0);
      Run(sql_->add_ref, id).done();
      return id;
    }
  } else if (content.bytes.size() != content.size) {
    throw Error(Fault::conflict, "inline content of another size than it says");
  }
  const std::int64_t id = counters_.next_content++;
  const Sums sums(content);
  std::optional<std::string_view> blob;
  if (!content.is_inline()) blob = content.blob;
  Run(sql_->insert_content, id, content.size, sums.sha256, sums.sha1, sums.md5, blob).done();
  if (!content.is_inline()) {
    Run(sql_->delete_garbage, content.blob).done();  // stored again after it was removed
  } else {
    Run(sql_->insert_inline, id, Blob{content.bytes.data(), content.bytes.size()}).done();
  }
  return id;
}

std::int64_t Acts::exchange_content(std::int64_t old, const Content& content) {
  if (content.is_inline() && content.bytes.size() == content.size) {
    const std::int64_t id = counters_.next_content;
    const Sums sums(content);
    Run(sql_->exchange_inline, old, id, content.size, sums.sha256, sums.sha1, sums.md5).done();
    if (connection_.changes() == 1) {
      ++counters_.next_content;
      const Blob bytes{content.bytes.data(), content.bytes.size()};
      Run(sql_->exchange_bytes, old, id, bytes).done();
      if (connection_.changes() == 0) Run(sql_->insert_inline, id, bytes).done();
      return id;
    }
  }
  const std::int64_t id = insert_content(content);
  release(old);
  return id;
}

void Acts::release(std::int64_t content) {
  std::string blob;
  bool is_inline = true;
  bool last = false;
  {
    Run run(sql_->delete_unshared, content);
    last = run.row();
    if (last && !run.null(0)) {
      is_inline = false;
      blob = run.text(0);
    }
    if (last) run.done();
  }
  if (!last) {
    Run(sql_->drop_ref, content).done();
    if (connection_.changes() == 1) return;
    throw Error(Fault::corrupt, "content " + std::to_string(content) + " is missing");
  }
  if (is_inline) {
    Run(sql_->delete_inline, content).done();
  } else {
    Run(sql_->insert_garbage, blob).done();
  }
}

void Acts::store_unflushed(NodeId node, const std::string& blob, const Resource* previous) {
  std::optional<std::int64_t> content, stored, modified;
  if (previous) {
    content = previous->content;
    stored = previous->stored;
    modified = previous->modified;
  }
  Run(sql_->insert_unflushed, blob, node, content, stored, modified).done();
}

bool Acts::guard_replaced(const Resource& source, NodeId target, const Resource& replaced) {
  if (durability_ == Durability::full) return false;
  if (Run any(sql_->any_unflushed); !any.row()) return false;

  if (!source.is_collection()) {
    std::string blob;
    {
      Run run(sql_->unflushed_content, source.content);
      if (!run.row()) return false;  // what comes is on disk already
      blob = run.text(0);
    }
    if (!replaced.is_collection()) {
      if (target != source.id) {
        store_unflushed(target, blob, &replaced);
        return true;
      }
      Run(sql_->adopt_previous, target, blob, replaced.content, replaced.stored, replaced.modified)
          .done();
      if (connection_.changes() > 0) return true;
    }
  }
  // Trees, and files that already have another fallback: flush what comes before it replaces.
  flush_content_();
  forget_unflushed(newest_unflushed());
  return false;
}

std::int64_t Acts::newest_unflushed() {
  Run run(sql_->newest_unflushed);
  return run.row() ? run.integer(0) : 0;
}

void Acts::forget_unflushed(std::int64_t up_to) {
  acting();
  std::vector<std::int64_t> previous;
  {
    Run run(sql_->flushed_previous, up_to);
    while (run.row()) previous.push_back(run.integer(0));
  }
  Run(sql_->delete_unflushed, up_to).done();
  if (connection_.changes() > 0) state_.changed = true;
  for (const std::int64_t content : previous) release(content);
}

}  // namespace holdfast::storage::sqlite

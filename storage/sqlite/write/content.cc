// Write operations on content rows and their reference counts.
#include "storage/sqlite/write/statements.h"

namespace holdfast::storage::sqlite {

namespace {

// A content's checksums as arguments of a statement.
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

std::int64_t WriteTransaction::insert_content(const Content& content) {
  if (!content.is_inline()) {
    // A file belongs to one content: with a second row it would be freed twice.
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

std::int64_t WriteTransaction::exchange_content(std::int64_t old, const Content& content) {
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

void WriteTransaction::release(std::int64_t content, bool damaged) {
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
    if (connection_.changes() == 1 || damaged) return;
    throw Error(Fault::corrupt, "content " + std::to_string(content) + " is missing");
  }
  if (is_inline) {
    Run(sql_->delete_inline, content).done();
  } else {
    Run(sql_->insert_garbage, blob).done();
  }
}

}  // namespace holdfast::storage::sqlite

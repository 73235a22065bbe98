#include "dav/zip_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <new>
#include <stdexcept>

namespace holdfast::dav {
namespace {

// libarchive reads names in the thread's locale, and marks them as UTF-8 only in one of UTF-8. No
// fiber waits while it is set.
class Utf8Locale {
 public:
  Utf8Locale() : before_(::uselocale(utf8())) {}
  ~Utf8Locale() { ::uselocale(before_); }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  static locale_t utf8() {
    static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    if (locale == nullptr) throw std::runtime_error("the system has no locale C.UTF-8");
    return locale;
  }
  locale_t before_;
};

}  // namespace

struct ZipArchive::Handle {
  Handle() : writer(::archive_write_new()), entry(::archive_entry_new()) {
    if (writer == nullptr || entry == nullptr) throw std::bad_alloc();
  }
  ~Handle() {
    ::archive_entry_free(entry);
    // This ends an archive that is not finished. (After archive_write_fail it would leak.)
    target = nullptr;
    ::archive_write_free(writer);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  void require(la_ssize_t result) {
    if (result >= ARCHIVE_OK || result == ARCHIVE_WARN) return;
    const char* const why = ::archive_error_string(writer);
    throw std::runtime_error(std::string("the archive cannot be written: ") +
                             (why == nullptr ? "for no reason" : why));
  }

  archive* writer;
  archive_entry* entry;
  std::string* target = nullptr;  // for what is written; null: nobody wants it
};

namespace {

la_ssize_t append_to(archive*, void* handle, const void* bytes, std::size_t length) {
  std::string* const target = *static_cast<std::string**>(handle);
  if (target != nullptr) target->append(static_cast<const char*>(bytes), length);
  return static_cast<la_ssize_t>(length);
}

}  // namespace

ZipArchive::ZipArchive() : handle_(std::make_unique<Handle>()) {
  const Utf8Locale locale;
  archive* const writer = handle_->writer;
  handle_->require(::archive_write_set_format_zip(writer));
  handle_->require(::archive_write_set_options(writer, "zip:compression=store"));
  handle_->require(::archive_write_set_bytes_per_block(writer, 0));
  handle_->target = &written;
  handle_->require(::archive_write_open(writer, &handle_->target, nullptr, append_to, nullptr));
}

ZipArchive::~ZipArchive() = default;

void ZipArchive::begin(const std::string& path, bool folder, std::uint64_t size,
                       std::int64_t modified) {
  const Utf8Locale locale;
  archive_entry* const entry = handle_->entry;
  ::archive_entry_clear(entry);
  ::archive_entry_set_pathname(entry, path.c_str());
  ::archive_entry_set_filetype(entry, folder ? AE_IFDIR : AE_IFREG);
  ::archive_entry_set_perm(entry, folder ? 0755 : 0644);
  ::archive_entry_set_size(entry, static_cast<la_int64_t>(size));
  ::archive_entry_set_mtime(entry, static_cast<time_t>(modified), 0);
  handle_->require(::archive_write_header(handle_->writer, entry));
}

void ZipArchive::add_folder(const std::string& path, std::int64_t modified) {
  begin(path, true, 0, modified);
}

void ZipArchive::begin_file(const std::string& path, std::uint64_t size, std::int64_t modified) {
  begin(path, false, size, modified);
}

void ZipArchive::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const la_ssize_t taken = ::archive_write_data(handle_->writer, bytes.data(), bytes.size());
    handle_->require(taken);
    if (taken == 0) throw std::runtime_error("a file is longer than was said");
    bytes.remove_prefix(static_cast<std::size_t>(taken));
  }
}

void ZipArchive::finish() {
  const Utf8Locale locale;
  handle_->require(::archive_write_close(handle_->writer));
}

}  // namespace holdfast::dav

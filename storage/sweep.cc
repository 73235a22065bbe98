#include "storage/sweep.h"

namespace holdfast::storage {

namespace {

template <class Visit>
void each_unnamed(const Namespace& names, ContentStore& content, const std::function<void()>& tick,
                  const Visit& visit) {
  content.for_each([&](const std::string& blob, std::uint64_t size) {
    tick();
    if (!names.names_blob(blob)) visit(blob, size);
  });
}

std::string counted(std::uint64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

}  // namespace

Unnamed count_unnamed(const Namespace& names, ContentStore& content,
                      const std::function<void()>& tick) {
  Unnamed found;
  each_unnamed(names, content, tick, [&](const std::string&, std::uint64_t size) {
    ++found.files;
    found.bytes += size;
  });
  return found;
}

Unnamed sweep(const Namespace& names, ContentStore& content, const std::function<void()>& tick) {
  const Unnamed found = count_unnamed(names, content, tick);
  if (found.files == 0) return found;
  each_unnamed(names, content, tick, [&](const std::string& blob, std::uint64_t) {
    if (found.few()) {
      content.remove(blob);
    } else {
      content.set_aside(blob);
    }
  });
  if (!found.few()) content.flush_aside();
  return found;
}

std::string to_string(const Unnamed& unnamed) {
  return counted(unnamed.files, "content file", "content files") + " of " +
         counted(unnamed.bytes, "byte", "bytes");
}

std::string set_aside_message(const Unnamed& unnamed) {
  return to_string(unnamed) +
         " that no resource names were moved to the folder lost in the data folder, because the "
         "database seems to be older than its content. If another one was put in its place, put "
         "the "
         "right database and its log back and run holdfast check --repair, which takes back what "
         "they name. After a power cut in relaxed durability they are the uploads that it took. "
         "Otherwise delete that folder.";
}

}  // namespace holdfast::storage

// Any bytes anywhere in the file of a stored database, and the file cut anywhere: see
// damaged_store.h. And what is opened and found sound is not an invented empty store. The input is
// a sequence of edits of six bytes: an offset of three bytes and what to do there; "cut" ends the
// file.
#include "tests/fuzz/damaged_store.h"
#include "tests/fuzz/sample_store.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static fuzz::SqliteFolder* folder = nullptr;
  static std::uint64_t resources = 0;
  if (folder == nullptr) {
    static fuzz::SqliteFolder one([](storage::Namespace&) {});
    fuzz::fill_with_samples(*one.open(), one.contents);
    folder = &one;
    folder->replace(folder->original());
    resources = folder->open()->snapshot()->usage().resources;
    fuzz::require(resources == 11, "the sample tree");
  }
  std::string file = folder->original();
  for (std::size_t i = 0; i + 6 <= std::min<std::size_t>(size, 96); i += 6) {
    const std::size_t offset = (data[i] * 65536U + data[i + 1] * 256U + data[i + 2]) % file.size();
    const std::uint8_t what = data[i + 3];
    if (what == 0) {
      if (data[i + 4] == 0) file.resize(std::max<std::size_t>(offset, 1));
      continue;
    }
    file[offset] = static_cast<char>(data[i + 4]);
    if (what % 2 == 0) file[(offset + 1) % file.size()] = static_cast<char>(data[i + 5]);
  }
  folder->replace(file);
  const fuzz::Examined found = fuzz::examine(*folder);
  fuzz::require(!found.sound || found.resources == resources, "nothing is invented or forgotten");
  return 0;
}

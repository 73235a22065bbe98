# Writes OUTPUT, a C++ file that defines holdfast::dav::page::files(): each of FILES, as it is and
# compressed, with a hash of its content.
#
#   cmake -D "FILES=a.js|b.css" -D OUTPUT=page_files.cc -P embed.cmake
string(REPLACE "|" ";" FILES "${FILES}")
find_program(GZIP gzip REQUIRED)

function(append_array name file)
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," numbers "${hex}")
  string(REGEX REPLACE "(................................................................................)"
    "\\1\n" numbers "${numbers}")
  set(code "${code}constexpr unsigned char ${name}[] = {\n${numbers}0};\n" PARENT_SCOPE)
endfunction()

set(code "")
set(rows "")
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  string(MAKE_C_IDENTIFIER "${name}" id)
  file(SHA256 "${file}" hash)
  string(SUBSTRING "${hash}" 0 16 hash)
  set(compressed "${OUTPUT}.${name}.gz")
  execute_process(COMMAND "${GZIP}" -9 -n -c "${file}" OUTPUT_FILE "${compressed}"
    COMMAND_ERROR_IS_FATAL ANY)
  append_array(k_${id} "${file}")
  append_array(k_${id}_gzip "${compressed}")
  file(REMOVE "${compressed}")
  string(APPEND rows
    "    {\"${name}\", \"${hash}\", text_of(k_${id}), text_of(k_${id}_gzip)},\n")
endforeach()

file(WRITE "${OUTPUT}" "// Made by web/embed.cmake.
#include <cstddef>

#include \"dav/page/files.h\"

namespace holdfast::dav::page {
namespace {

${code}
// Without the 0 with which each array ends.
template <std::size_t size>
std::string_view text_of(const unsigned char (&bytes)[size]) {
  return {reinterpret_cast<const char*>(bytes), size - 1};
}

}  // namespace

std::span<const File> files() {
  static const File all[] = {
${rows}  };
  return all;
}

}  // namespace holdfast::dav::page
")

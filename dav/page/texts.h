// The words of pages in each language, from the files web/text/LANGUAGE.txt. A line is
// "key = words"; "{0}", "{1}" and so on in the words stand for arguments. A language may lack keys,
// which then come from English. Constant; any thread.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "dav/message.h"

namespace holdfast::dav::page {

class Texts {
 public:
  // Returns the texts in the language that the request prefers (Accept-Language).
  [[nodiscard]] static const Texts& of(const Request& request);

  // Returns the language's tag, "en", and the name of its file, "en.txt".
  [[nodiscard]] std::string_view language() const { return file_.substr(0, file_.find('.')); }
  [[nodiscard]] std::string_view file() const { return file_; }

  // Returns the words for a key; the key itself when no language has it.
  [[nodiscard]] std::string_view operator[](std::string_view key) const;
  // Returns the words with their arguments.
  [[nodiscard]] std::string fill(std::string_view key,
                                 std::initializer_list<std::string_view> arguments) const;

  // Makes the texts of one file; `fallback`, which may be null, has what it lacks.
  Texts(std::string_view file, std::string_view content, const Texts* fallback);

 private:
  std::string_view file_;
  const Texts* fallback_;
  std::map<std::string_view, std::string_view> words_;  // views of the embedded file
};

}  // namespace holdfast::dav::page

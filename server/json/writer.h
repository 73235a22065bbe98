// Writes one JSON document (RFC 8259), on one line. One thread at a time.
//
//   Writer json;
//   json.object([&] {
//     json.member("name", "ann");
//     json.key("tokens").array([&] { json.value("a"); });
//   });
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/ascii.h"
#include "text/json.h"

namespace holdfast::server::json {

class Writer {
 public:
  template <class Fill>
  void object(Fill fill) {
    nest('{', '}', fill);
  }
  template <class Fill>
  void array(Fill fill) {
    nest('[', ']', fill);
  }
  // Begins a member, whose value follows.
  Writer& key(std::string_view name) {
    begin();
    text::append_json_string(out_, name);
    out_ += ':';
    first_ = true;
    return *this;
  }
  void value(std::string_view text) {
    begin();
    text::append_json_string(out_, text);
  }
  void value(bool truth) {
    begin();
    out_ += truth ? "true" : "false";
  }
  template <std::integral Number>
  void value(Number number) {
    begin();
    text::append_number(out_, number);
  }
  void value(const char* text) { value(std::string_view(text)); }
  void value(const std::string& text) { value(std::string_view(text)); }
  // null when there is no value.
  template <class Value>
  void value(const std::optional<Value>& some) {
    if (some) return value(*some);
    begin();
    out_ += "null";
  }
  void value(const std::vector<std::string>& all) {
    array([&] {
      for (const std::string& each : all) value(each);
    });
  }
  template <class Value>
  void member(std::string_view name, const Value& of) {
    key(name).value(of);
  }
  // Returns the document with a line feed.
  [[nodiscard]] std::string text() const { return out_ + "\n"; }

 private:
  void begin() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  template <class Fill>
  void nest(char open, char close, Fill fill) {
    begin();
    out_ += open;
    first_ = true;
    fill();
    out_ += close;
    first_ = false;
  }

  std::string out_;
  bool first_ = true;  // no comma is needed before what follows
};

}  // namespace holdfast::server::json

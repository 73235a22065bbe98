#include "bench/load/plan.h"

#include <charconv>
#include <stdexcept>

namespace holdfast::bench {
namespace {

std::invalid_argument wrong(std::string_view line, std::string_view why) {
  return std::invalid_argument("plan: " + std::string(why) + ": " + std::string(line));
}

// Cuts the first word off `rest`.
std::string_view take_word(std::string_view& rest) {
  const auto end = std::min(rest.find(' '), rest.size());
  const auto word = rest.substr(0, end);
  rest.remove_prefix(end);
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  return word;
}

template <class Number>
Number number(std::string_view text, std::string_view line) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) throw wrong(line, "not a number");
  return value;
}

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string out(text);
  for (auto at = out.find(what); at != std::string::npos; at = out.find(what, at + by.size()))
    out.replace(at, what.size(), by);
  return out;
}

void append_number(std::string& out, std::uint64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

}  // namespace

Template::Template(std::string_view text) {
  static constexpr struct {
    std::string_view name;
    Variable variable;
  } kNames[] = {{"conn", Variable::connection}, {"n", Variable::number},   {"item", Variable::item},
                {"folder", Variable::folder},   {"file", Variable::file},  {"even", Variable::even},
                {"odd", Variable::odd},         {"token", Variable::token}};
  Piece piece;
  for (std::size_t at = 0; at < text.size();) {
    const auto close = text[at] == '{' ? text.find('}', at) : std::string_view::npos;
    if (close == std::string_view::npos) {
      piece.text += text[at++];
      continue;
    }
    const auto name = text.substr(at + 1, close - at - 1);
    for (const auto& known : kNames)
      if (known.name == name) piece.then = known.variable;
    if (piece.then == Variable::none)
      throw std::invalid_argument("plan: unknown variable {" + std::string(name) + "}");
    pieces_.push_back(std::move(piece));
    piece = {};
    at = close + 1;
  }
  if (!piece.text.empty()) pieces_.push_back(std::move(piece));
}

void Template::append_to(std::string& out, const Values& values) const {
  for (const auto& piece : pieces_) {
    out += piece.text;
    switch (piece.then) {
      case Variable::none:
        break;
      case Variable::connection:
        append_number(out, values.connection);
        break;
      case Variable::number:
        append_number(out, values.number);
        break;
      case Variable::item:
        append_number(out, values.item);
        break;
      case Variable::folder:
        append_number(out, values.item / values.per_folder);
        break;
      case Variable::file:
        append_number(out, values.item % values.per_folder);
        break;
      case Variable::even:
        out += values.number % 2 == 0 ? '0' : '1';
        break;
      case Variable::odd:
        out += values.number % 2 == 0 ? '1' : '0';
        break;
      case Variable::token:
        out += values.token;
        break;
    }
  }
}

Plan parse_plan(std::string_view text, std::string_view authority) {
  Plan plan;
  std::vector<std::string> heads;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    auto rest = line;
    const auto key = take_word(rest);
    Step* step = plan.steps.empty() ? nullptr : &plan.steps.back();
    if (key == "connections") {
      plan.connections = number<std::size_t>(rest, line);
    } else if (key == "warmup_s") {
      plan.warmup_s = number<double>(rest, line);
    } else if (key == "duration_s") {
      plan.duration_s = number<double>(rest, line);
    } else if (key == "operations") {
      plan.operations = number<std::uint64_t>(rest, line);
    } else if (key == "first") {
      plan.first = number<std::uint64_t>(rest, line);
    } else if (key == "items") {
      plan.items = number<std::uint64_t>(rest, line);
    } else if (key == "per_folder") {
      plan.per_folder = number<std::uint64_t>(rest, line);
    } else if (key == "sequence") {
      plan.in_sequence = true;
    } else if (key == "stall_s") {
      plan.stall_s = number<double>(rest, line);
    } else if (key == "wrong_limit") {
      plan.wrong_limit = number<std::uint64_t>(rest, line);
    } else if (key == "step") {
      Step next;
      next.method = take_word(rest);
      if (rest.empty()) throw wrong(line, "a step is a method and a target");
      heads.push_back(next.method + " " + std::string(rest) +
                      " HTTP/1.1\r\nHost: " + std::string(authority) + "\r\n");
      plan.steps.push_back(std::move(next));
    } else if (step == nullptr) {
      throw wrong(line, "unknown, or no step before it");
    } else if (key == "field") {
      heads.back() += replaced(rest, "{host}", authority) + "\r\n";
    } else if (key == "body") {
      step->body_bytes = number<std::uint64_t>(rest, line);
      if (step->body_bytes < kStampBytes) throw wrong(line, "too small for its stamp");
      step->has_body = true;
    } else if (key == "text") {
      step->text = Template(rest);
      step->has_text = step->has_body = true;
    } else if (key == "expect") {
      while (!rest.empty()) step->expected.push_back(number<int>(take_word(rest), line));
    } else if (key == "length") {
      step->least_length = step->most_length = number<std::uint64_t>(rest, line);
    } else if (key == "length_at_least") {
      step->least_length = number<std::uint64_t>(rest, line);
    } else if (key == "length_at_most") {
      step->most_length = number<std::uint64_t>(rest, line);
    } else if (key == "keep") {
      step->keep = rest;
    } else {
      throw wrong(line, "unknown");
    }
  }
  for (std::size_t i = 0; i < heads.size(); ++i) plan.steps[i].head = Template(heads[i]);
  if (plan.steps.empty()) throw std::invalid_argument("plan: no step");
  if ((plan.duration_s > 0) == (plan.operations > 0))
    throw std::invalid_argument("plan: either duration_s or operations");
  if (plan.connections == 0 || plan.items == 0 || plan.per_folder == 0)
    throw std::invalid_argument("plan: connections, items and per_folder are at least 1");
  for (const auto& step : plan.steps)
    if (step.expected.empty()) throw std::invalid_argument("plan: a step without expect");
  return plan;
}

}  // namespace holdfast::bench

#include "tests/crash/power_cut_model.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <stdexcept>
#include <utility>

#include "tests/support/multistatus.h"

namespace holdfast::test {
namespace {

constexpr std::string_view kBodyStart = "body ";  // then a number, whose it is, and where in it

bool is_at_or_below(std::string_view path, std::string_view top) {
  return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
}

void apply(Tree& tree, const std::string& path, Value value) {
  if (value == kAbsent) {
    tree.erase(path);
  } else {
    tree[path] = value;
  }
}

std::string shown(Value value) {
  switch (value) {
    case kAbsent:
      return "-";
    case kCollection:
      return "/";
    case kBroken:
      return "BROKEN";
    default:
      return std::to_string(value);
  }
}

std::string shown(const Tree& tree) {
  std::string text;
  for (const auto& [path, value] : tree)
    text += (text.empty() ? "" : " ") + path + "=" + shown(value);
  return text.empty() ? "nothing" : text;
}

// What of `tree` is in the scenario.
Tree part_of(const Tree& tree, const std::string& scenario) {
  Tree part;
  const std::string top = "/" + scenario;
  for (auto at = tree.lower_bound(top); at != tree.end() && at->first.starts_with(top); ++at)
    if (is_at_or_below(at->first, top)) part.insert(*at);
  return part;
}

bool has_all_paths_of(const Tree& seen, const Tree& state) {
  return std::all_of(state.begin(), state.end(),
                     [&](const auto& entry) { return seen.contains(entry.first); });
}

}  // namespace

std::string scenario_of(std::string_view path) {
  const std::size_t end = path.find('/', 1);
  return std::string(path.substr(1, end == std::string_view::npos ? end : end - 1));
}

std::string Verdict::text() const {
  std::string text;
  int shown_lines = 0;
  for (const auto* each : {&lost, &mixed}) {
    for (const auto& [scenario, words] : *each) {
      if (++shown_lines > 4) return text + "and more\n";
      text += (each == &lost ? "lost: " : "mixed: ") + scenario + ": " + words + "\n";
    }
  }
  if (text.empty() && !one_moment) text = "each scenario is as it was, but not at one moment\n";
  return text;
}

Value Past::new_body(std::size_t size) {
  sizes_.push_back(size);
  return static_cast<Value>(sizes_.size()) - 1;
}

std::string Past::body(Value number) const {
  const std::size_t size = sizes_.at(static_cast<std::size_t>(number));
  // Every line is another, so that no sector can stand for another.
  const std::string start = std::string(kBodyStart) + std::to_string(number) + " " + top_ + " ";
  std::string body;
  body.reserve(size + 64);
  while (body.size() < size) body += start + std::to_string(body.size()) + "\n";
  body.resize(size);
  return body;
}

Value Past::number_of(std::string_view bytes) const {
  if (!bytes.starts_with(kBodyStart)) return kBroken;
  Value number = kBroken;
  const char* first = bytes.data() + kBodyStart.size();
  std::from_chars(first, bytes.data() + bytes.size(), number);
  if (number < 0 || static_cast<std::size_t>(number) >= sizes_.size()) return kBroken;
  return body(number) == bytes ? number : kBroken;
}

std::vector<Past::Change> Past::removal(const std::string& path) const {
  std::vector<Change> changes;
  for (const auto& [below, value] : now_)
    if (is_at_or_below(below, path)) changes.push_back({below, kAbsent});
  return changes;
}

void Past::step(std::vector<Change> changes) {
  for (const Change& change : changes) apply(now_, change.path, change.value);
  Step next;
  next.changes = std::move(changes);
  steps_.push_back(std::move(next));
}

void Past::put(const std::string& path, Value number) { step({{path, number}}); }

void Past::make_collection(const std::string& path) { step({{path, kCollection}}); }

void Past::copy(const std::string& from, const std::string& to) {
  std::vector<Change> changes = removal(to);
  for (const auto& [path, value] : now_)
    if (is_at_or_below(path, from)) changes.push_back({to + path.substr(from.size()), value});
  step(std::move(changes));
}

void Past::move(const std::string& from, const std::string& to) {
  std::vector<Change> changes = removal(to);
  const std::vector<Change> gone = removal(from);
  changes.insert(changes.end(), gone.begin(), gone.end());
  for (const auto& [path, value] : now_)
    if (is_at_or_below(path, from)) changes.push_back({to + path.substr(from.size()), value});
  step(std::move(changes));
}

void Past::remove(const std::string& path) { step(removal(path)); }

void Past::sent(std::uint64_t records) { steps_.back().sent = records; }

void Past::answered(std::uint64_t records, Clock::time_point time) {
  steps_.back().answered = records;
  steps_.back().time = time;
}

std::size_t Past::sent_by(std::uint64_t records) const {
  const auto end = std::partition_point(steps_.begin(), steps_.end(),
                                        [&](const Step& each) { return each.sent <= records; });
  return static_cast<std::size_t>(end - steps_.begin());
}

std::size_t Past::answered_by(std::uint64_t records) const {
  const auto end = std::partition_point(steps_.begin(), steps_.end(),
                                        [&](const Step& each) { return each.answered <= records; });
  return static_cast<std::size_t>(end - steps_.begin());
}

std::size_t Past::answered_before(Clock::time_point time) const {
  const auto end = std::partition_point(steps_.begin(), steps_.end(),
                                        [&](const Step& each) { return each.time < time; });
  return static_cast<std::size_t>(end - steps_.begin());
}

SeenTree Past::read(HttpClient& client) const {
  SeenTree seen;
  const Reply listing = client.request(
      "PROPFIND", top_ + "/", {{"Depth", "infinity"}},
      R"(<propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/></prop></propfind>)");
  if (listing.status == 404 && !top_.empty()) return seen;
  if (listing.status != 207)
    throw std::runtime_error("PROPFIND: " + std::to_string(listing.status) + " " + listing.body);
  for (const auto& response : parse_multistatus(listing.body)) {
    std::string path = response.href;
    if (path == "/") continue;
    if (path.ends_with('/')) {
      path.pop_back();
      seen.tree[path] = kCollection;
      continue;
    }
    const Reply reply = client.request("GET", path);
    const Value number = reply.status == 200 ? number_of(reply.body) : kBroken;
    seen.tree[path] = number;
    if (number == kBroken)
      seen.broken[path] = reply.status == 200 ? "wrong bytes" : std::to_string(reply.status);
  }
  return seen;
}

Verdict Past::judge(const SeenTree& seen, std::size_t first, std::size_t last) const {
  Verdict verdict;
  last = std::min(last, steps_.size());
  first = std::min(first, last);
  Tree start;
  for (std::size_t index = 0; index < first; ++index)
    for (const Change& change : steps_[index].changes) apply(start, change.path, change.value);

  // The whole: how many paths differ, from state to state.
  std::set<std::string> different;
  const auto value_in = [](const Tree& tree, const std::string& path) {
    const auto found = tree.find(path);
    return found == tree.end() ? kAbsent : found->second;
  };
  for (const auto& [path, value] : start)
    if (value_in(seen.tree, path) != value) different.insert(path);
  for (const auto& [path, value] : seen.tree)
    if (value_in(start, path) != value) different.insert(path);
  verdict.one_moment = different.empty();
  // And the same for each scenario, by its own steps.
  std::map<std::string, std::vector<std::size_t>> steps_of;
  for (const auto& [path, value] : start) steps_of[scenario_of(path)];
  for (const auto& [path, value] : seen.tree) steps_of[scenario_of(path)];
  for (std::size_t index = first; index < last; ++index) {
    for (const Change& change : steps_[index].changes) {
      if (value_in(seen.tree, change.path) == change.value) {
        different.erase(change.path);
      } else {
        different.insert(change.path);
      }
      std::vector<std::size_t>& steps = steps_of[scenario_of(change.path)];
      if (steps.empty() || steps.back() != index) steps.push_back(index);
    }
    verdict.one_moment = verdict.one_moment || different.empty();
  }
  if (verdict.one_moment) return verdict;

  for (const auto& [scenario, steps] : steps_of) {
    const Tree part = part_of(seen.tree, scenario);
    Tree state = part_of(start, scenario);
    const Tree oldest = state;
    bool allowed = part == state;
    bool complete = has_all_paths_of(part, state);
    for (const std::size_t index : steps) {
      for (const Change& change : steps_[index].changes)
        if (scenario_of(change.path) == scenario) apply(state, change.path, change.value);
      allowed = allowed || part == state;
      complete = complete || has_all_paths_of(part, state);
    }
    if (allowed) continue;
    bool broken = false;
    std::string words = "has " + shown(part);
    for (const auto& [path, problem] : seen.broken) {
      if (scenario_of(path) != scenario) continue;
      broken = true;
      words += " (" + path + ": " + problem + ")";
    }
    words += "; was " + shown(oldest) + " and " + std::to_string(steps.size()) +
             " requests later " + shown(state);
    (broken || !complete ? verdict.lost : verdict.mixed)[scenario] = words;
  }
  return verdict;
}

void PastClient::send(std::string_view method, const std::string& path, const Fields& fields,
                      std::string_view body) {
  past_.sent(records_());
  const Reply reply = client_.request(method, path, fields, body);
  if (!reply.success()) {
    throw std::runtime_error(std::string(method) + " " + path + ": " +
                             std::to_string(reply.status) + " " + reply.body);
  }
  past_.answered(records_(), Past::Clock::now());
}

void PastClient::put(const std::string& path, std::size_t size) {
  const Value number = past_.new_body(size);
  const std::string body = past_.body(number);
  past_.put(path, number);
  send("PUT", path, {}, body);
}

void PastClient::make_collection(const std::string& path) {
  past_.make_collection(path);
  send("MKCOL", path);
}

void PastClient::copy(const std::string& from, const std::string& to) {
  past_.copy(from, to);
  send("COPY", from, {{"Destination", to}});
}

void PastClient::move(const std::string& from, const std::string& to) {
  past_.move(from, to);
  send("MOVE", from, {{"Destination", to}});
}

void PastClient::remove(const std::string& path) {
  past_.remove(path);
  send("DELETE", path);
}

}  // namespace holdfast::test

// Any bytes as an If header, asked of five URLs over one small tree with locks: refused with 400
// exactly when it is outside the grammar, which is matched here as a regular expression over its
// symbols, and else true or false as the definition of RFC 4918 §10.4.3 says, evaluated here on the
// symbols themselves.
#include <algorithm>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "dav/conditions.h"
#include "dav/folder_sizes.h"
#include "dav/method.h"
#include "dav/propfind_cache.h"
#include "tests/fuzz/property.h"
#include "tests/support/memory_store.h"
#include "text/ascii.h"

using namespace holdfast;

namespace {

// /f, /c and /c/f are mapped; /n and /c/n are not. An exclusive lock on /f, one on /c with its
// members.
struct World {
  test::MemoryStore store;
  World() {
    store.names.write(storage::Flush::required, [](storage::Transaction& tx) {
      const auto root = *tx.resolve({}).resource;
      storage::Content content;
      content.bytes = "x";
      content.size = 1;
      const auto file = tx.put(root, "f", content, std::nullopt, storage::kNobody);
      const auto collection = tx.make_collection(root, "c", storage::kNobody);
      (void)tx.put(collection, "f", content, std::nullopt, storage::kNobody);
      for (const auto& [token, id] :
           {std::pair{"urn:f", file.id}, std::pair{"urn:c", collection.id}}) {
        storage::Lock lock;
        lock.token = token;
        lock.root_id = id;
        lock.infinite = true;
        lock.timeout_s = 3600;
        (void)tx.add_lock(lock);
      }
    });
  }
};

World& world() {
  static World only;
  return only;
}

struct Symbol {
  char kind;         // '<' reference, '[' entity tag, '(' ')' and '!' for Not
  std::string text;  // of the first two, without brackets
};

// nullopt where something else stands.
std::optional<std::vector<Symbol>> symbols(std::string_view text) {
  std::vector<Symbol> found;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == ' ' || c == '\t') {
      ++i;
    } else if (c == '(' || c == ')') {
      found.push_back({c, {}});
      ++i;
    } else if (c == '<') {
      const std::size_t end = text.find('>', i);
      if (end == std::string_view::npos) return std::nullopt;
      found.push_back({c, std::string(text.substr(i + 1, end - i - 1))});
      i = end + 1;
    } else if (c == '[') {
      const std::size_t open = text.find('"', i);
      if (open == std::string_view::npos) return std::nullopt;
      const std::size_t close = text.find('"', open + 1);
      const std::size_t end =
          text.find_first_not_of(" \t", close == std::string_view::npos ? close : close + 1);
      if (end == std::string_view::npos || text[end] != ']') return std::nullopt;
      std::string weak(text.substr(i + 1, open - i - 1));
      weak.erase(0, std::min(weak.find_first_not_of(" \t"), weak.size()));
      if (!weak.empty() && weak != "W/") return std::nullopt;
      found.push_back({c, weak + std::string(text.substr(open, close - open + 1))});
      i = end + 1;
    } else {
      std::string word(text.substr(i, 3));
      for (char& letter : word)
        letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
      if (word != "not") return std::nullopt;
      found.push_back({'!', {}});
      i += 3;
    }
  }
  return found;
}

bool absolute_uri(const std::string& text) {
  static const std::regex form(R"re([A-Za-z][-+.A-Za-z0-9]*:[!#-;=?-~]+)re");
  return std::regex_match(text, form);
}

bool grammatical(const std::vector<Symbol>& header) {
  static const std::regex untagged(R"re((\((!?[<\[])+\))+)re");
  static const std::regex tagged(R"re((<(\((!?[<\[])+\))+)+)re");
  std::string kinds;
  std::set<std::string> resources;
  std::size_t conditions = 0;
  bool inside = false;
  for (const Symbol& symbol : header) {
    kinds += symbol.kind;
    if (symbol.kind == '[' || (symbol.kind == '<' && inside)) ++conditions;
    if (symbol.kind == '(') inside = true;
    if (symbol.kind == ')') inside = false;
    if (symbol.kind == '<' && inside && !absolute_uri(symbol.text)) return false;
    if (symbol.kind == '<' && !inside) {
      if (symbol.text.empty() || symbol.text.find('<') != std::string::npos) return false;
      resources.insert(symbol.text);
    }
    if (symbol.kind == '[')
      for (const char c : symbol.text)
        if ((c >= 0 && c < ' ' && c != '\t') || c == '\x7f') return false;
  }
  if (std::count(kinds.begin(), kinds.end(), '(') > 64 || conditions > 256 || resources.size() > 32)
    return false;
  return std::regex_match(kinds, untagged) || std::regex_match(kinds, tagged);
}

// What is true of a URL.
struct State {
  std::set<std::string> tokens;
  std::string tag;  // with quotes
};

State state_of(const storage::Path& path) {
  const auto found = world().store.names.snapshot()->resolve(path);
  State state;
  for (const storage::Lock& lock : found.locks) state.tokens.insert(lock.token);
  if (found.resource && !found.resource->is_collection())
    state.tag = "\"" + found.resource->etag + "\"";
  return state;
}

// 0 true, 412 false, 400 for a tag that is no URL.
int evaluate(const std::vector<Symbol>& header, const storage::Path& target) {
  bool any = false;
  bool all = true;
  bool negated = false;
  bool inside = false;
  State state = state_of(target);
  for (const Symbol& symbol : header) {
    if (symbol.kind == '(') {
      inside = all = true;
    } else if (symbol.kind == ')') {
      any = any || all;
      inside = false;
    } else if (symbol.kind == '!') {
      negated = true;
    } else if (!inside) {
      state = {};
      try {
        const dav::Target tag = dav::parse_reference(symbol.text, {}, "h");
        if (!tag.above_prefix) state = state_of(tag.path);
      } catch (const dav::Error& error) {
        if (error.status == 400) return 400;
      }
    } else {
      const bool holds = symbol.kind == '<' ? state.tokens.contains(symbol.text)
                                            : !state.tag.empty() && state.tag == symbol.text;
      all = all && holds != negated;
      negated = false;
    }
  }
  return any ? 0 : 412;
}

// "$f" stands for the current tag of /f, "$c" for that of /c/f.
std::string filled_in(std::string_view text) {
  static const std::string tags[] = {state_of(storage::Path({"f"})).tag,
                                     state_of(storage::Path({"c", "f"})).tag};
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view two = text.substr(i, 2);
    if (two == "$f" || two == "$c") {
      out += tags[two == "$f" ? 0 : 1];
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 2000) return 0;
  const std::string text = filled_in(fuzz::text_of(data, size));
  std::string_view trimmed = text::trimmed(text);
  std::optional<std::vector<Symbol>> header = symbols(trimmed);
  // One bare state token is a list of its own (docs/clients.md R69).
  const bool bracketed = header && header->size() == 1 && header->front().kind == '<';
  const std::string bare = bracketed ? header->front().text : std::string(trimmed);
  if (absolute_uri(bare)) header = {{'(', {}}, {'<', bare}, {')', {}}};
  const bool good = header && grammatical(*header);
  std::set<std::string> tokens;
  if (good) {
    bool inside = false;
    for (const Symbol& symbol : *header) {
      if (symbol.kind == '(' || symbol.kind == ')') inside = symbol.kind == '(';
      if (symbol.kind == '<' && inside) tokens.insert(symbol.text);
    }
  }

  const dav::Options options;
  http::Request request;
  request.fields.add("Host", "h");
  request.fields.add("If", text);
  for (const storage::Path& path :
       {storage::Path({"f"}), storage::Path({"c"}), storage::Path({"c", "f"}), storage::Path({"n"}),
        storage::Path({"c", "n"})}) {
    const int wanted = good ? evaluate(*header, path) : 400;
    dav::xml::ParseSlots parses(1, std::chrono::seconds(1));
    dav::BodyBudget bodies;
    dav::PropFindCache propfinds(options, parses);
    const auto caller = dav::anonymous_caller(storage::Right::write);
    const auto available = [] { return std::uint64_t{1} << 30; };
    storage::SpaceLedger space({}, available, available);
    dav::FolderSizes sizes;
    dav::Target target;
    target.path = path;
    dav::Call call{request,
                   caller,
                   *dav::find_method("GET"),
                   world().store.names,
                   world().store.contents,
                   options,
                   parses,
                   bodies,
                   propfinds,
                   sizes,
                   space,
                   nullptr,
                   target};
    int got = 0;
    try {
      const dav::Conditions conditions(call);
      const auto submitted = conditions.submitted_tokens();
      fuzz::require(std::set(submitted.begin(), submitted.end()) == tokens, "the tokens");
      fuzz::require(submitted.size() == tokens.size(), "each token once");
      const auto snapshot = world().store.names.snapshot();
      conditions.check(*snapshot, snapshot->resolve(path));
    } catch (const dav::Error& error) {
      got = error.status;
    }
    fuzz::require(got == wanted, "as the definition says");
  }
  return 0;
}

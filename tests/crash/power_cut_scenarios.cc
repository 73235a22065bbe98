#include "tests/crash/power_cut_scenarios.h"

#include <utility>

namespace holdfast::test {
namespace {

// Above 64 KiB content is a file of its own.
constexpr std::size_t kLarge = 70'000;
constexpr std::size_t kSmall = 3'000;

// The place of a scenario's file, which an act before may have removed.
std::string place(PastClient& client, const std::string& at) {
  if (!client.has(at + "/d")) client.make_collection(at + "/d");
  return at + "/d/f";
}

std::string source(PastClient& client, const std::string& at) {
  if (!client.has(at + "/g")) client.put(at + "/g", kLarge);
  return at + "/g";
}

void make_tree(PastClient& client, const std::string& at) {
  client.make_collection(at);
  client.put(at + "/f", kLarge);
}

}  // namespace

const std::vector<ReleasingAct>& releasing_acts() {
  using Client = PastClient;
  static const std::vector<ReleasingAct> kActs = {
      {"put", [](Client& c, const std::string& at) { c.put(place(c, at), kLarge); }},
      {"small", [](Client& c, const std::string& at) { c.put(place(c, at), kSmall); }},
      {"save",
       [](Client& c, const std::string& at) {
         const std::string file = place(c, at);
         c.put(at + "/tmp", kLarge);
         c.move(at + "/tmp", file);
       }},
      {"backup",
       [](Client& c, const std::string& at) {
         const std::string file = place(c, at);
         c.put(at + "/tmp", kLarge);
         const bool had = c.has(file);
         if (had) c.move(file, at + "/bak");
         c.move(at + "/tmp", file);
         if (had) c.remove(at + "/bak");
       }},
      {"copy",
       [](Client& c, const std::string& at) {
         const std::string from = source(c, at);
         c.copy(from, place(c, at));
       }},
      {"copynew",
       [](Client& c, const std::string& at) {
         const std::string file = place(c, at);
         c.put(at + "/new", kLarge);
         c.copy(at + "/new", file);
       }},
      {"away",
       [](Client& c, const std::string& at) {
         const std::string file = place(c, at);
         if (!c.has(file)) c.put(file, kLarge);
         c.move(file, at + "/g");
       }},
      {"delete",
       [](Client& c, const std::string& at) {
         const std::string file = place(c, at);
         if (c.has(file)) c.remove(file);
       }},
      {"movetree",
       [](Client& c, const std::string& at) {
         make_tree(c, at + "/t");
         c.move(at + "/t", at + "/d");
       }},
      {"copytree",
       [](Client& c, const std::string& at) {
         make_tree(c, at + "/t");
         c.copy(at + "/t", at + "/d");
         c.remove(at + "/t");
       }},
  };
  return kActs;
}

std::string name_of(const Scenario& scenario) {
  std::string name;
  for (const std::size_t act : scenario)
    name += (name.empty() ? "" : "-") + releasing_acts()[act].name;
  return name;
}

std::vector<Scenario> scenarios_of(std::size_t length) {
  std::vector<Scenario> all = {{}};
  for (std::size_t index = 0; index < length; ++index) {
    std::vector<Scenario> longer;
    for (const Scenario& each : all) {
      for (std::size_t act = 0; act < releasing_acts().size(); ++act) {
        longer.push_back(each);
        longer.back().push_back(act);
      }
    }
    all = std::move(longer);
  }
  return all;
}

std::string collection_of(const Scenario& scenario, std::size_t number) {
  return "/" + std::to_string(number) + "-" + name_of(scenario);
}

void prepare(PastClient& client, const std::string& collection) {
  client.make_collection(collection);
  client.make_collection(collection + "/d");
  client.put(collection + "/d/f", kLarge);
  client.put(collection + "/g", kLarge);
}

void run(PastClient& client, const Scenario& scenario, const std::string& collection) {
  for (const std::size_t act : scenario) releasing_acts()[act].run(client, collection);
}

Mixture::Mixture(PastClient& client, std::string collection, unsigned seed)
    : client_(client), collection_(std::move(collection)), random_(seed) {}

std::string Mixture::tree() {
  static constexpr const char* kTrees[] = {"/t", "/u", "/v"};
  return collection_ + kTrees[below(3)];
}

std::string Mixture::file() {
  static constexpr const char* kFiles[] = {"/a", "/b", "/c", "/d"};
  // Some in trees, as far as those are there.
  if (below(2) == 0) {
    const std::string in = tree();
    if (client_.has(in)) return in + kFiles[below(2)];
  }
  return collection_ + kFiles[below(4)];
}

std::size_t Mixture::size() {
  switch (below(8)) {
    case 0:
      return 1 + below(20'000);
    case 1:
      return 100'000 + below(200'000);
    default:
      return 66'000 + below(20'000);
  }
}

void Mixture::prepare() {
  client_.make_collection(collection_);
  for (const char* name : {"/a", "/b", "/c", "/d"}) client_.put(collection_ + name, size());
  for (const char* name : {"/t", "/u"}) {
    client_.make_collection(collection_ + name);
    client_.put(collection_ + name + "/a", size());
    client_.put(collection_ + name + "/b", size());
  }
}

void Mixture::act() {
  const std::string one = file();
  const std::string other = file();
  const bool pair = one != other && client_.has(one);
  switch (below(12)) {
    case 0:
    case 1:
      client_.put(one, size());
      break;
    case 2:
    case 3:
      client_.put(collection_ + "/tmp", size());
      client_.move(collection_ + "/tmp", one);
      break;
    case 4: {
      client_.put(collection_ + "/tmp", size());
      const bool had = client_.has(one);
      if (had) client_.move(one, collection_ + "/bak");
      client_.move(collection_ + "/tmp", one);
      if (had) client_.remove(collection_ + "/bak");
      break;
    }
    case 5:
      if (pair) client_.copy(one, other);
      break;
    case 6:
      if (pair) client_.move(one, other);
      break;
    case 7:
      if (client_.has(one)) client_.remove(one);
      break;
    case 8: {
      const std::string made = tree();
      if (!client_.has(made)) client_.make_collection(made);
      client_.put(made + "/a", size());
      break;
    }
    case 9: {
      const std::string gone = tree();
      if (client_.has(gone)) client_.remove(gone);
      break;
    }
    default: {
      const std::string from = tree();
      const std::string to = tree();
      if (from == to || !client_.has(from)) break;
      if (below(2) == 0) {
        client_.copy(from, to);
      } else {
        client_.move(from, to);
      }
    }
  }
}

}  // namespace holdfast::test

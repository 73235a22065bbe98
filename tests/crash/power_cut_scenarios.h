// What clients do with files that have been on the disk for long, each in a collection of its own:
// every act that lets content go, alone, in pairs and in threes.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/crash/power_cut_model.h"

namespace holdfast::test {

// One act in a scenario's collection, whose path is given: it saves, replaces, moves or removes its
// file "d/f" beside "g".
struct ReleasingAct {
  std::string name;
  std::function<void(PastClient&, const std::string&)> run;
};
[[nodiscard]] const std::vector<ReleasingAct>& releasing_acts();

// Acts by their index, one after the other.
using Scenario = std::vector<std::size_t>;
[[nodiscard]] std::string name_of(const Scenario& scenario);
// All of `length` acts.
[[nodiscard]] std::vector<Scenario> scenarios_of(std::size_t length);

// The collection of the scenario that is `number`th.
[[nodiscard]] std::string collection_of(const Scenario& scenario, std::size_t number);
// Uploads what a scenario works on.
void prepare(PastClient& client, const std::string& collection);
void run(PastClient& client, const Scenario& scenario, const std::string& collection);

// Acts at random on few names in one collection, trees included.
class Mixture {
 public:
  Mixture(PastClient& client, std::string collection, unsigned seed);
  void prepare();
  void act();

 private:
  [[nodiscard]] std::string file();
  [[nodiscard]] std::string tree();
  [[nodiscard]] std::size_t size();
  std::size_t below(std::size_t count) { return random_() % count; }

  PastClient& client_;
  std::string collection_;
  std::mt19937 random_;
};

}  // namespace holdfast::test

// litmus, suite by suite and mode by mode, counted like every other test.
#include <gtest/gtest.h>
#include <string>
#include <tuple>

#include "tests/support/build_paths.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"

namespace holdfast::test {
namespace {

class Litmus : public ::testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(Litmus, SaysWhatIsExpected) {
  if (!program_exists("litmus")) GTEST_SKIP() << "litmus is not installed";
  const auto& [mode, suite] = GetParam();
  const auto outcome = run({.arguments = {(source_folder() / "litmus/run").string(), "--binary",
                                          holdfast_binary(), "--mode", mode, "--suite", suite},
                            .timeout = std::chrono::seconds(500)});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
}

// The suite "http" leaves out its one test of interest, 100-continue, over TLS.
class LitmusOverTls : public ::testing::TestWithParam<std::string> {};

TEST_P(LitmusOverTls, SaysWhatIsExpectedOfAnAccount) {
  if (!program_exists("litmus")) GTEST_SKIP() << "litmus is not installed";
  const auto outcome =
      run({.arguments = {(source_folder() / "litmus/run").string(), "--binary", holdfast_binary(),
                         "--mode", "auto", "--https", "yes", "--suite", GetParam()},
           .timeout = std::chrono::seconds(500)});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
}

INSTANTIATE_TEST_SUITE_P(EverySuite, LitmusOverTls,
                         ::testing::Values("basic", "copymove", "props", "locks"),
                         [](const auto& test) { return test.param; });

INSTANTIATE_TEST_SUITE_P(EverySuite, Litmus,
                         ::testing::Combine(::testing::Values("auto", "409"),
                                            ::testing::Values("basic", "copymove", "props", "locks",
                                                              "http")),
                         [](const auto& test) {
                           return "mode_" + std::get<0>(test.param) + "_" + std::get<1>(test.param);
                         });

}  // namespace
}  // namespace holdfast::test

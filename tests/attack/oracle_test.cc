// The oracle notices what it is there to notice.
#include "tests/support/oracle.h"

#include <chrono>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <signal.h>
#include <string>

#include "tests/support/http_client.h"
#include "tests/support/raw_http.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

using ::testing::HasSubstr;

class OracleNotices : public ::testing::Test {
 protected:
  void SetUp() override {
    server_.start();
    oracle_ = std::make_unique<Oracle>(server_, std::chrono::seconds(1));
    ASSERT_EQ(oracle_->check(), "");
  }

  TemporaryFolder folder_{TemporaryFolder::in_memory()};
  ServerProcess server_{folder_ / "data", {}, Oracle::environment()};
  std::unique_ptr<Oracle> oracle_;
};

TEST_F(OracleNotices, NothingWhenNothingWasDone) { EXPECT_EQ(oracle_->finish(), ""); }

TEST_F(OracleNotices, ChangedSentinels) {
  HttpClient client(server_.port());
  client.request("PUT", Oracle::sentinel(3), {}, "other");
  client.close();
  EXPECT_THAT(oracle_->check(), HasSubstr("a sentinel changed"));
}

TEST_F(OracleNotices, ChangedProperties) {
  HttpClient client(server_.port());
  client.request("PROPPATCH", Oracle::sentinel(19), {},
                 "<propertyupdate xmlns='DAV:'><remove><prop><mark xmlns='urn:sentinel'/></prop>"
                 "</remove></propertyupdate>");
  client.close();
  EXPECT_THAT(oracle_->check(), HasSubstr("a sentinel changed"));
}

TEST_F(OracleNotices, LostLocks) {
  HttpClient client(server_.port());
  client.request("UNLOCK", Oracle::sentinel(Oracle::kLockedSentinel),
                 {{"Lock-Token", oracle_->lock_token()}});
  client.close();
  EXPECT_THAT(oracle_->check(), HasSubstr("a sentinel changed"));
}

TEST_F(OracleNotices, ConnectionsThatStay) {
  tests::RawClient left(server_.port());
  EXPECT_THAT(oracle_->check(), HasSubstr("descriptors of socket"));
}

TEST_F(OracleNotices, FilesInTmp) {
  std::ofstream(server_.data() / "tmp" / "left") << "x";
  EXPECT_THAT(oracle_->check(), HasSubstr("left behind"));
}

TEST_F(OracleNotices, AServerThatEnded) {
  ::kill(server_.pid(), SIGKILL);
  EXPECT_THAT(oracle_->check(), HasSubstr("the server ended"));
}

TEST_F(OracleNotices, ACanaryThatIsNotAnswered) {
  HttpClient client(server_.port());
  client.request("DELETE", "/canary");
  client.request("MKCOL", "/canary");
  client.close();
  EXPECT_THAT(oracle_->check(), HasSubstr("the canary's PUT answered 405"));
}

}  // namespace
}  // namespace holdfast::test

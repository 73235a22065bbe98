// The audit log as a file: its lines, its rotation, and what happens when it cannot be written.
#include "server/observe/audit_log.h"

#include <csignal>
#include <cstdio>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <vector>

#include "server/json/object.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::server {
namespace {

using observe::AuditLog;
using observe::AuditRecord;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string audit_line(const AuditRecord& record) {
  std::string line;
  observe::append_audit_line(line, record, 1'790'000'000'123);
  return line;
}

TEST(AuditLine, HasWhatIsKnownAndNothingElse) {
  EXPECT_EQ(audit_line({.over = "dav",
                        .from = "192.0.2.1",
                        .account = "ann",
                        .token = "a1b2c3d4",
                        .method = "MOVE",
                        .path = "/a%20b",
                        .destination = "/c",
                        .status = 201,
                        .bytes = 0}),
            "{\"time\":\"2026-09-21T14:13:20.123Z\",\"over\":\"dav\",\"from\":\"192.0.2.1\","
            "\"account\":\"ann\",\"token\":\"a1b2c3d4\",\"method\":\"MOVE\",\"path\":\"/a%20b\","
            "\"destination\":\"/c\",\"status\":201,\"bytes\":0}\n");
  EXPECT_EQ(audit_line({.over = "server", .method = "stop"}),
            "{\"time\":\"2026-09-21T14:13:20.123Z\",\"over\":\"server\",\"method\":\"stop\"}\n");
}

// Whatever is in a field, the line is one flat object, and reading it gives the field back.
TEST(AuditLine, IsOneObjectWhateverIsInIt) {
  for (const std::string& text :
       {std::string("a\"b\\c\n\r\t"), std::string("\0\x01\x1b[2J\x7f", 7),
        std::string("\",\"status\":200}\n{\"x\":\""), std::string("J\xC3\xB6rg \xE2\x80\xAE"),
        std::string(100'000, 'x')}) {
    const std::string line = audit_line({.account = text, .path = text, .detail = text});
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    const auto object = json::parse_object(line);
    ASSERT_TRUE(object) << line;
    for (const char* name : {"account", "path", "detail"})
      EXPECT_EQ(json::text_of(*object, name), text);
  }
  const auto object = json::parse_object(audit_line({.account = "\xff\xc2\x9b"}));
  ASSERT_TRUE(object);
  EXPECT_EQ(json::text_of(*object, "account"), "\xEF\xBF\xBD\xEF\xBF\xBD");
}

class AuditFile : public testing::Test {
 protected:
  std::unique_ptr<AuditLog> open(std::uint64_t size = 1 << 20, unsigned kept = 2) {
    return std::make_unique<AuditLog>(
        AuditLog::Options{.path = path_, .size_limit_bytes = size, .kept = kept}, clock_,
        [this](const std::string& sentence) { told_.push_back(sentence); });
  }
  static std::vector<std::string> lines(const std::string& path) {
    std::ifstream in(path);
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }
  // The paths in the lines of a file.
  static std::vector<std::string> paths(const std::string& path) {
    std::vector<std::string> out;
    for (const std::string& line : lines(path)) {
      const auto object = json::parse_object(line);
      EXPECT_TRUE(object) << line;
      if (object) out.emplace_back(json::text_of(*object, "path"));
    }
    return out;
  }

  const test::TemporaryFolder folder_;
  const std::string path_ = folder_ / "audit.log";
  test::ManualClock clock_;
  std::vector<std::string> told_;
};

TEST_F(AuditFile, IsItsOwnersAloneAndAppendedTo) {
  open()->append({.path = "/1"});
  open()->append({.path = "/2"});
  EXPECT_THAT(paths(path_), ElementsAre("/1", "/2"));
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(AuditFile, IsRotatedBeforeItGrowsTooLarge) {
  const auto log = open(150);  // two lines do not fit
  for (const char* path : {"/1", "/2", "/3", "/4"})
    log->append({.over = "dav", .from = "192.0.2.1", .method = "DELETE", .path = path});
  EXPECT_THAT(paths(path_), ElementsAre("/4"));
  EXPECT_THAT(paths(path_ + ".1"), ElementsAre("/3"));
  EXPECT_THAT(paths(path_ + ".2"), ElementsAre("/2"));
  EXPECT_THAT(lines(path_ + ".3"), IsEmpty());
  log->append({.path = "/" + std::string(1000, 'x')});  // larger than the limit alone
  log->append({.path = "/5"});
  EXPECT_THAT(paths(path_), ElementsAre("/5"));
  EXPECT_EQ(log->lost(), 0U);
}

TEST_F(AuditFile, IsReopenedAfterAnotherProgramHasMovedIt) {
  const auto log = open();
  log->append({.path = "/1"});
  ASSERT_EQ(std::rename(path_.c_str(), (path_ + ".old").c_str()), 0);
  log->append({.path = "/2"});
  log->reopen();
  log->append({.path = "/3"});
  EXPECT_THAT(paths(path_ + ".old"), ElementsAre("/1", "/2"));
  EXPECT_THAT(paths(path_), ElementsAre("/3"));
}

TEST_F(AuditFile, ALineThatAnotherLeftUnfinishedSpoilsNoOther) {
  std::ofstream(path_) << "{\"path\":\"/0";
  open()->append({.path = "/1"});
  ASSERT_THAT(lines(path_), SizeIs(2));
  EXPECT_THAT(lines(path_)[1], HasSubstr("/1"));
}

// With a limit on the size of files, which fails as a full disk does.
TEST_F(AuditFile, WhatCannotBeWrittenIsCountedAndLeavesNoPartOfALine) {
  const auto log = open();
  log->append({.path = "/1"});
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit full = before;
  full.rlim_cur = 60;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  log->append({.path = "/2"});
  log->append({.path = "/3"});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(log->lost(), 2U);
  EXPECT_THAT(told_, ElementsAre(HasSubstr("lines are lost")));
  EXPECT_THAT(paths(path_), ElementsAre("/1"));
  log->append({.path = "/4"});
  EXPECT_THAT(paths(path_), ElementsAre("/1", "", "/4"));
  EXPECT_THAT(lines(path_)[1], HasSubstr("2 lines before this one could not be written"));
}

TEST_F(AuditFile, ManyThreadsWriteWholeLinesAlsoAcrossRotations) {
  constexpr int kThreads = 8;
  constexpr int kLines = 200;
  {
    const auto log = open(4096, 1000);
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&] {
        for (int n = 0; n < kLines; ++n) log->append({.method = "PUT", .path = "/x"});
      });
  }
  std::size_t count = paths(path_).size();
  for (int i = 1; i <= 1000; ++i) count += paths(path_ + "." + std::to_string(i)).size();
  EXPECT_EQ(count, std::size_t{kThreads} * kLines);
}

TEST_F(AuditFile, MustBeAFileThatCanBeOpened) {
  const auto refused = [&](const std::string& path) {
    try {
      const AuditLog log({.path = path, .size_limit_bytes = 1, .kept = 1}, clock_, {});
      return std::string("accepted");
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_THAT(refused("/dev/null"), HasSubstr("must be a file"));
  EXPECT_THAT(refused(folder_ / "no/such/file"), HasSubstr("cannot be opened"));
  EXPECT_THAT(refused(folder_.path()), HasSubstr("cannot be opened"));
}

}  // namespace
}  // namespace holdfast::server

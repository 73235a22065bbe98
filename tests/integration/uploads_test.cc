// Uploads that go on after a break (docs/sync.md), against the real program: broken off at random,
// with the server killed in between.
#include <filesystem>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <string_view>
#include <thread>

#include "tests/support/basic.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

std::string large_bytes(std::size_t size) {
  std::mt19937_64 random(size);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

class ResumedUploads : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { server_.start(); }
  void TearDown() override {
    EXPECT_EQ(server_.stop(), 0) << server_.output();
    // Nothing is left of uploads, and the store is whole.
    const Outcome check = command({"check", "--hashes"});
    EXPECT_EQ(check.exit_code, 0) << check.output;
    EXPECT_THAT(command({"upload", "list"}).output, EndsWith("0 uploads.\n"));
  }
  Outcome command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), holdfast_binary());
    arguments.insert(arguments.end(), {"--data", (folder_ / "data").string()});
    Command command;
    command.arguments = std::move(arguments);
    return run(command);
  }
  Reply ask(std::string_view method, const std::string& target, Fields fields = {},
            std::string_view body = {}) {
    HttpClient client(server_.port());
    fields.emplace_back("Tus-Resumable", "1.0.0");
    return client.request(method, target, fields, body);
  }
  // Sends a request with its body, but only `most` bytes of it, and then ends the connection or the
  // server.
  void break_off(const std::string& head, std::string_view body, std::size_t most, bool kill) {
    HttpClient client(server_.port());
    try {
      client.send(head + "Host: localhost:" + std::to_string(server_.port()) +
                  "\r\nTus-Resumable: 1.0.0\r\nContent-Length: " + std::to_string(body.size()) +
                  "\r\n\r\n");
      client.send(body.substr(0, most));
    } catch (const HttpFailure&) {
      // The server may have gone already.
    }
    if (!kill) return;
    server_.kill();
    server_.start();
  }

  TemporaryFolder folder_;
  ServerProcess server_{folder_ / "data", {"--nextcloud", "yes", "--durability", GetParam()}};
};
INSTANTIATE_TEST_SUITE_P(Durability, ResumedUploads, testing::Values("full", "relaxed"),
                         [](const auto& which) { return std::string(which.param); });

TEST_P(ResumedUploads, ByTusAreWholeAfterBreaksAndKills) {
  const std::string bytes = large_bytes(20'000'000);
  std::mt19937 random(1);
  const Reply made = ask("POST", "/f?upload", {{"Upload-Length", std::to_string(bytes.size())}});
  ASSERT_EQ(made.status, 201) << made.body;
  const std::string url(made.field("Location"));
  std::size_t acknowledged = 0;
  for (int breaks = 0;; ++breaks) {
    Reply head = ask("HEAD", url);
    ASSERT_EQ(head.status, 200);
    const std::size_t at = std::stoull(std::string(head.field("Upload-Offset")));
    EXPECT_GE(at, acknowledged) << "what was acknowledged is lost";
    if (at == bytes.size()) break;
    const std::size_t part = std::min<std::size_t>(1 + random() % 3'000'000, bytes.size() - at);
    const Fields fields = {{"Upload-Offset", std::to_string(at)},
                           {"Content-Type", "application/offset+octet-stream"}};
    if (breaks % 3 == 2) {
      const Reply patched = ask("PATCH", url, fields, std::string_view(bytes).substr(at, part));
      // The request that broke off may not have ended yet, or may just have ended the upload.
      if (patched.status == 423 || patched.status == 409 || patched.status == 404) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        continue;
      }
      ASSERT_EQ(patched.status, 204) << patched.body;
      acknowledged = std::stoull(std::string(patched.field("Upload-Offset")));
    } else {
      break_off(
          "PATCH " + url +
              " HTTP/1.1\r\nContent-Type: application/offset+octet-stream\r\nUpload-Offset: " +
              std::to_string(at) + "\r\n",
          std::string_view(bytes).substr(at), part, breaks % 3 == 1 && breaks < 12);
    }
    ASSERT_LT(breaks, 4000);
  }
  EXPECT_TRUE(ask("GET", "/f").body == bytes);
  EXPECT_EQ(ask("HEAD", url).field("Upload-Offset"), std::to_string(bytes.size()));
}

TEST_P(ResumedUploads, InPartsAreWholeAfterBreaksAndKills) {
  const std::string bytes = large_bytes(12'000'000);
  constexpr std::size_t kPart = 1'000'000;
  const std::string upload = "/remote.php/dav/uploads/holdfast/77";
  ASSERT_EQ(ask("MKCOL", upload).status, 201);
  std::mt19937 random(2);
  for (std::size_t i = 0; i < bytes.size() / kPart; ++i) {
    const std::string_view part = std::string_view(bytes).substr(i * kPart, kPart);
    std::string name = std::to_string(i);
    name.insert(0, 16 - name.size(), '0');
    if (i % 3 == 1)
      break_off("PUT " + upload + "/" + name + " HTTP/1.1\r\n", part, random() % kPart, i % 2 == 0);
    ASSERT_EQ(ask("PUT", upload + "/" + name, {}, part).status, 201);
  }
  server_.kill();
  server_.start();
  const Reply listed = ask("PROPFIND", upload, {{"Depth", "1"}});
  ASSERT_EQ(listed.status, 207);
  EXPECT_THAT(listed.body, HasSubstr("0000000000000011"));
  for (int attempt = 0;; ++attempt) {
    const Reply moved = ask("MOVE", upload + "/.file",
                            {{"Destination", "/remote.php/dav/files/holdfast/f"},
                             {"OC-Total-Length", std::to_string(bytes.size())}});
    // A part that broke off may not have ended yet.
    if (moved.status == 423 && attempt < 100) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    ASSERT_EQ(moved.status, 201) << moved.body;
    break;
  }
  EXPECT_TRUE(ask("GET", "/f").body == bytes);
}

// The client's side of the sign-in by the browser, where there are no accounts and where there are.
TEST(SyncClients, GetADeviceTokenByTheBrowser) {
  TemporaryFolder folder;
  ServerProcess server(folder / "data", {"--nextcloud", "yes", "--prefix", "/dav"});
  Command add;
  add.arguments = {holdfast_binary(), "user", "add", "ann", "--data", (folder / "data").string()};
  add.input = "first secret\n";
  ASSERT_EQ(run(add).exit_code, 0);
  server.start();
  const std::string password = basic("ann", "first secret");
  const auto ask = [&](std::string_view method, const std::string& target, Fields fields = {},
                       std::string_view body = {}) {
    HttpClient client(server.port());
    return client.request(method, "/dav" + target, fields, body);
  };
  const auto value = [](const std::string& document, const std::string& name) {
    const std::string key = "\"" + name + "\":\"";
    const std::size_t begin = document.find(key);
    if (begin == std::string::npos) return std::string();
    const std::size_t end = document.find('"', begin + key.size());
    return document.substr(begin + key.size(), end - begin - key.size());
  };
  const Reply status = ask("GET", "/status.php");
  EXPECT_EQ(status.status, 200);
  EXPECT_THAT(status.body, HasSubstr("\"installed\":true,\"maintenance\":false"));
  EXPECT_EQ(ask("HEAD", "/status.php").status, 200);
  EXPECT_THAT(ask("GET", "/ocs/v1.php/cloud/capabilities?format=json").body,
              HasSubstr("\"statuscode\":100"));
  EXPECT_THAT(ask("GET", "/ocs/v2.php/cloud/capabilities").body,
              AllOf(HasSubstr("\"statuscode\":200"), HasSubstr("\"chunking\":\"1.0\"")));
  EXPECT_EQ(ask("GET", "/ocs/v2.php/cloud/user").status, 401);
  EXPECT_THAT(ask("GET", "/ocs/v2.php/cloud/user", {{"Authorization", password}}).body,
              HasSubstr("\"id\":\"ann\""));
  EXPECT_EQ(ask("GET", "/ocs/v2.php/apps/none", {{"Authorization", password}}).status, 404);

  const Reply begun = ask("POST", "/index.php/login/v2", {{"User-Agent", "<b>Client"}});
  EXPECT_EQ(begun.status, 200);
  const std::string login = value(begun.body, "login");
  const std::string page = login.substr(login.find("/dav") + 4);
  const std::string poll = "token=" + value(begun.body, "token");
  EXPECT_EQ(ask("POST", "/index.php/login/v2/poll", {}, poll).status, 404);
  EXPECT_EQ(ask("GET", page).status, 401);
  const Reply shown = ask("GET", page, {{"Authorization", password}});
  EXPECT_EQ(shown.status, 200);
  EXPECT_THAT(shown.body, HasSubstr("&lt;b&gt;Client"));
  const std::size_t at = shown.body.find("value=\"") + 7;
  const std::string nonce = "nonce=" + shown.body.substr(at, shown.body.find('"', at) - at);
  // Neither a page of another server nor one without the form's secret grants anything.
  EXPECT_EQ(ask("POST", page, {{"Authorization", password}}, "nonce=").status, 403);
  EXPECT_EQ(ask("POST", page, {{"Authorization", password}}, "nonce=x").status, 403);
  EXPECT_EQ(ask("POST", page, {}, nonce).status, 401);
  EXPECT_EQ(ask("POST", "/index.php/login/v2/poll", {}, poll).status, 404);
  EXPECT_EQ(ask("POST", page, {{"Authorization", password}}, nonce).status, 200);
  EXPECT_EQ(ask("POST", page, {{"Authorization", password}}, nonce).status, 404);
  EXPECT_EQ(ask("POST", "/index.php/login/v2/poll", {}, "token=").status, 404);
  const Reply granted = ask("POST", "/index.php/login/v2/poll", {}, poll);
  EXPECT_EQ(granted.status, 200);
  EXPECT_EQ(value(granted.body, "loginName"), "ann");
  EXPECT_EQ(value(granted.body, "server"),
            "http://127.0.0.1:" + std::to_string(server.port()) + "/dav");
  EXPECT_EQ(ask("POST", "/index.php/login/v2/poll", {}, poll).status, 404) << "told once";
  const std::string token = basic("ann", value(granted.body, "appPassword"));
  EXPECT_EQ(
      ask("PROPFIND", "/remote.php/dav/files/ann/", {{"Depth", "0"}, {"Authorization", token}})
          .status,
      207);
  // A token does not make another.
  const Reply again = ask("POST", "/index.php/login/v2");
  const std::string other = value(again.body, "login");
  EXPECT_EQ(ask("GET", other.substr(other.find("/dav") + 4), {{"Authorization", token}}).status,
            403);
  EXPECT_EQ(server.stop(), 0);
}

TEST(SyncClients, AreNotServedByDefault) {
  TemporaryFolder folder;
  ServerProcess server(folder / "data");
  server.start();
  HttpClient client(server.port());
  EXPECT_EQ(client.request("GET", "/status.php").status, 404);
  EXPECT_EQ(client.request("POST", "/index.php/login/v2").status, 405);
  EXPECT_EQ(client.request("PUT", "/status.php", {}, "mine").status, 201);
  EXPECT_EQ(client.request("GET", "/status.php").body, "mine");
  EXPECT_EQ(server.stop(), 0);
}

TEST(UploadCommand, ListsAndRemovesUploads) {
  TemporaryFolder folder;
  ServerProcess server(folder / "data");
  server.start();
  const auto command = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {holdfast_binary(), "upload"});
    arguments.insert(arguments.end(), {"--data", (folder / "data").string()});
    Command each;
    each.arguments = std::move(arguments);
    return run(each);
  };
  HttpClient client(server.port());
  const auto begin = [&] {
    return client.request("POST", "/dir%20x?upload",
                          {{"Upload-Length", "5"}, {"Tus-Resumable", "1.0.0"}});
  };
  ASSERT_EQ(begin().status, 201);
  const std::string url(begin().field("Location"));
  const std::string list = command({"list"}).output;
  EXPECT_THAT(list, AllOf(HasSubstr("/dir%20x"), EndsWith("2 uploads.\n")));
  EXPECT_THAT(command({"list", "--json"}).output,
              AllOf(HasSubstr("\"account\":null,\"bytes\":0,\"length\":5,\"path\":\"/dir%20x\""),
                    HasSubstr(url.substr(url.find('=') + 1))));
  EXPECT_EQ(command({"remove", url.substr(url.find('=') + 1)}).output, "1 upload removed.\n");
  EXPECT_EQ(client.request("HEAD", url, {{"Tus-Resumable", "1.0.0"}}).status, 404);
  EXPECT_EQ(command({"remove", "none"}).exit_code, 2);
  EXPECT_EQ(command({"remove"}).exit_code, 2);
  // The others outlive the server.
  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(command({"list"}).output, EndsWith("1 upload.\n"));
  EXPECT_EQ(command({"remove", "--all"}).output, "1 upload removed.\n");
  EXPECT_THAT(command({"list"}).output, EndsWith("0 uploads.\n"));
}

}  // namespace
}  // namespace holdfast::test

#include "server/app/health.h"

#include <gtest/gtest.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>

namespace holdfast::server {
namespace {

http::Response ask(const app::Admin& admin, std::string_view method, std::string_view target,
                   std::optional<std::string_view> host = "127.0.0.1:9090") {
  http::NoBody body;
  http::Request request;
  request.method = method;
  request.target = target;
  request.body = &body;
  if (host) request.fields.add("Host", *host);
  return admin.answer(request);
}

bool is_safe(std::string_view host) { return host == "127.0.0.1:9090"; }

const app::Admin kWell{[] { return std::nullopt; }, [] { return std::string("m 1\n"); }, is_safe};

TEST(Admin, AnswersItsTwoPathsOnly) {
  struct Case {
    const char* method;
    const char* target;
    int status;
    const char* body;
  };
  for (const Case& row :
       {Case{"GET", "/", 404, nullptr}, Case{"GET", "/healthz/", 404, nullptr},
        Case{"PUT", "/healthz", 405, nullptr}, Case{"POST", "/metrics", 405, nullptr},
        Case{"PROPFIND", "/metrics", 405, nullptr}, Case{"GET", "/healthz", 200, "ok\n"},
        Case{"GET", "/healthz?x", 200, "ok\n"}, Case{"GET", "/metrics", 200, "m 1\n"}}) {
    const http::Response response = ask(kWell, row.method, row.target);
    EXPECT_EQ(response.status, row.status) << row.method << " " << row.target;
    if (row.body != nullptr) {
      EXPECT_EQ(std::get<std::string>(response.body), row.body);
    }
  }
}

// Against DNS rebinding.
TEST(Admin, AnswersOnlyHostsThatNoPageOfAnotherServerCanHave) {
  for (const char* target : {"/healthz", "/metrics", "/"})
    for (const char* host : {"evil.example:9090", ""}) {
      const http::Response response = ask(kWell, "GET", target, host);
      EXPECT_EQ(response.status, 421) << target;
      EXPECT_EQ(std::get<std::string>(response.body).find("m 1"), std::string::npos);
    }
  EXPECT_EQ(ask(kWell, "GET", "/metrics", std::nullopt).status, 200) << "a probe over HTTP/1.0";
}

TEST(Admin, AnswersHeadWithTheLengthOfGet) {
  const http::Response response = ask(kWell, "HEAD", "/healthz");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.head_length, 3U);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(response.body));
}

TEST(Admin, SaysWhyTheServerIsNotWell) {
  app::Admin admin = kWell;
  admin.trouble = [] { return "No space."; };
  const http::Response response = ask(admin, "GET", "/healthz");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(std::get<std::string>(response.body), "No space.\n");
}

TEST(Admin, TellsTheLogAndNotTheClientWhatFailed) {
  app::Admin admin = kWell;
  admin.trouble = []() -> std::optional<std::string> { throw std::runtime_error("SELECT secret"); };
  admin.metrics = []() -> std::string { throw std::runtime_error("SELECT secret"); };
  for (const char* target : {"/healthz", "/metrics"}) {
    const http::Response response = ask(admin, "GET", target);
    EXPECT_EQ(response.status, std::string_view(target) == "/healthz" ? 503 : 500);
    EXPECT_EQ(std::get<std::string>(response.body).find("SELECT"), std::string::npos);
    EXPECT_EQ(response.log_detail, "SELECT secret");
  }
}

}  // namespace
}  // namespace holdfast::server

#include "server/auth/proxies.h"

#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::server {
namespace {

TEST(Proxies, ListIsAddressesAndNetworks) {
  for (const char* bad :
       {"x", "127.0.0.1/33", "::1/129", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/-1", "127.0.0.1,",
        ",127.0.0.1", "127.0.0.1 10.0.0.1", "10.0.0.0/8/8", "localhost", "[::1]", "10.0.0.0/+8"})
    EXPECT_FALSE(auth::Proxies::parse(bad)) << bad;
  const auto none = auth::Proxies::parse("");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->trusts("127.0.0.1"));

  const auto some =
      auth::Proxies::parse("127.0.0.1, 10.16.0.0/12,2001:db8::/33 , ::1,192.0.2.128/25");
  ASSERT_TRUE(some);
  for (const char* trusted : {"127.0.0.1", "10.16.0.0", "10.31.255.255", "2001:db8:7fff::1", "::1",
                              "192.0.2.128", "::ffff:10.20.0.1"})
    EXPECT_TRUE(some->trusts(trusted)) << trusted;
  for (const char* other : {"127.0.0.2", "10.15.255.255", "10.32.0.0", "2001:db8:8000::1", "::2",
                            "192.0.2.127", "", "x"})
    EXPECT_FALSE(some->trusts(other)) << other;
  EXPECT_TRUE(auth::Proxies::parse("0.0.0.0/0")->trusts("203.0.113.1"));
  EXPECT_FALSE(auth::Proxies::parse("0.0.0.0/0")->trusts("2001:db8::1"));
}

struct Forwarding {
  std::vector<std::pair<std::string, std::string>> fields;
  std::string address;
  std::string scheme = "http";
  std::string host = "";
};

void expect(const std::string& trusted, const std::string& peer_address,
            const std::vector<Forwarding>& rows) {
  const auto proxies = auth::Proxies::parse(trusted);
  ASSERT_TRUE(proxies);
  for (const Forwarding& row : rows) {
    http::Request request;
    std::string shown;
    for (const auto& [name, value] : row.fields) {
      request.fields.add(name, value);
      shown += name + ": " + value + "; ";
    }
    http1::Peer peer{.address = peer_address, .loopback = peer_address == "127.0.0.1"};
    peer.certificate = "aa";
    proxies->apply(request, peer);
    EXPECT_EQ(peer.address, row.address) << shown;
    EXPECT_EQ(peer.loopback, row.address == "127.0.0.1") << shown;
    EXPECT_EQ(request.scheme, row.scheme) << shown;
    EXPECT_EQ(peer.tls, row.scheme == "https") << shown;
    EXPECT_EQ(request.forwarded_host, row.host) << shown;
    const bool forwarded = row.address != peer_address || row.scheme == "https";
    if (forwarded) {
      EXPECT_EQ(peer.certificate, "") << shown;
    }
  }
}

// docs/robustness.md S11
TEST(Proxies, WhatOthersSayIsIgnored) {
  const std::vector<std::pair<std::string, std::string>> lies = {
      {"X-Forwarded-For", "203.0.113.1"},
      {"X-Forwarded-Proto", "https"},
      {"X-Forwarded-Host", "evil.example"},
      {"Forwarded", "for=203.0.113.1;proto=https;host=evil.example"}};
  for (const char* trusted : {"", "127.0.0.2", "10.0.0.0/8"})
    expect(trusted, "127.0.0.1", {{lies, "127.0.0.1"}});
}

TEST(Proxies, ATrustedOneSaysWhoItsClientIs) {
  expect("127.0.0.1,10.0.0.0/8", "127.0.0.1",
         {
             {{}, "127.0.0.1"},
             {{{"X-Forwarded-For", "203.0.113.1"}}, "203.0.113.1"},
             {{{"x-forwarded-for", "203.0.113.1:4711"}}, "203.0.113.1"},
             {{{"X-Forwarded-For", "[2001:DB8::1]:80"}}, "2001:db8::1"},
             {{{"X-Forwarded-For", "2001:db8::1"}}, "2001:db8::1"},
             {{{"X-Forwarded-For", "::ffff:203.0.113.1"}}, "203.0.113.1"},
             // What a client wrote itself comes before what the proxy adds.
             {{{"X-Forwarded-For", "198.51.100.1, 203.0.113.1"}}, "203.0.113.1"},
             {{{"X-Forwarded-For", "198.51.100.1"}, {"X-Forwarded-For", "203.0.113.1"}},
              "203.0.113.1"},
             // A proxy behind a proxy.
             {{{"X-Forwarded-For", "203.0.113.1, 10.1.2.3"}}, "203.0.113.1"},
             {{{"X-Forwarded-For", "10.9.9.9, 10.1.2.3"}}, "10.9.9.9"},
             {{{"X-Forwarded-For", "unknown, 10.1.2.3"}}, "10.1.2.3"},
             {{{"X-Forwarded-For", "unknown"}}, "127.0.0.1"},
             {{{"X-Forwarded-For", "203.0.113.1, x"}}, "127.0.0.1"},
             {{{"X-Forwarded-Proto", "https"}, {"X-Forwarded-For", "203.0.113.1"}},
              "203.0.113.1",
              "https"},
             {{{"X-Forwarded-Proto", "https, http"}}, "127.0.0.1", "http"},
             {{{"X-Forwarded-Proto", "gopher"}}, "127.0.0.1", "http"},
             {{{"X-Forwarded-Host", "dav.example:8443"}}, "127.0.0.1", "http", "dav.example:8443"},
             {{{"X-Forwarded-Host", "a/b"}}, "127.0.0.1", "http", ""},
             {{{"X-Forwarded-Host", "x.example, [2001:db8::1]:80"}},
              "127.0.0.1",
              "http",
              "[2001:db8::1]:80"},
             {{{"Forwarded", "for=203.0.113.1;proto=https;host=dav.example"}},
              "203.0.113.1",
              "https",
              "dav.example"},
             {{{"Forwarded", "For=\"[2001:db8::1]:4711\"; Proto=HTTPS"}}, "2001:db8::1", "https"},
             {{{"Forwarded", "for=\"198.51.100.1,x\", for=203.0.113.1"}}, "203.0.113.1"},
             {{{"Forwarded", "for=_hidden;proto=https"}}, "127.0.0.1", "https"},
             {{{"Forwarded", "for=198.51.100.1, for=203.0.113.1;by=10.0.0.1, for=10.1.1.1"}},
              "203.0.113.1"},
             // nginx and its like pass on a Forwarded that the client made up.
             {{{"X-Forwarded-For", "203.0.113.1"},
               {"Forwarded", "for=198.51.100.1;proto=https;host=e"}},
              "203.0.113.1"},
         });
}

TEST(Proxies, AreKnownByTheirFields) {
  for (const char* name : {"X-Forwarded-For", "x-forwarded-host", "X-FORWARDED-PROTO",
                           "X-Forwarded-Anything", "Forwarded", "via", "X-Real-IP"}) {
    http::Fields fields;
    fields.add("Host", "localhost");
    fields.add(name, "");
    EXPECT_EQ(auth::field_of_a_proxy(fields), name);
  }
  http::Fields none;
  for (const char* name : {"Host", "X-Forwarded", "Forwarded-For", "X-Requested-With", "Vi"})
    none.add(name, "x");
  EXPECT_EQ(auth::field_of_a_proxy(none), "");
}

}  // namespace
}  // namespace holdfast::server

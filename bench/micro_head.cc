// Request heads: finding the end and checking every byte, for a small client and for a browser.
#include <benchmark/benchmark.h>
#include <string_view>

#include "server/http1/head.h"

namespace {

using holdfast::server::http1::Head;
using holdfast::server::http1::HeadScanner;

constexpr std::string_view kSmall = "GET /many/57/331.txt HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

constexpr std::string_view kBrowser =
    "PROPFIND /remote.php/dav/files/alice/Documents/ HTTP/1.1\r\n"
    "Host: cloud.example.org\r\n"
    "User-Agent: Mozilla/5.0 (Linux) mirall/3.7.3 (Client, debian-6.1 ClientArchitecture: "
    "x86_64)\r\n"
    "Accept: */*\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Accept-Language: de-DE,en;q=0.5\r\n"
    "Authorization: Basic YWxpY2U6c2VjcmV0LXBhc3N3b3Jk\r\n"
    "Connection: Keep-Alive\r\n"
    "Content-Type: application/xml; charset=utf-8\r\n"
    "Content-Length: 271\r\n"
    "Depth: 1\r\n"
    "X-Request-ID: 5b1a5b1e-0a52-4f0c-9b0b-5f0e0c1d2e3f\r\n\r\n";

void scan_and_parse(benchmark::State& state, std::string_view bytes) {
  const holdfast::server::http1::Limits limits;
  HeadScanner scanner(limits);
  Head head;
  for (auto _ : state) {
    scanner.reset();
    if (scanner.scan(bytes) != HeadScanner::State::complete) state.SkipWithError("not complete");
    head = {};
    if (holdfast::server::http1::parse_head(bytes, head)) state.SkipWithError("refused");
    benchmark::DoNotOptimize(head.target.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

void HeadSmall(benchmark::State& state) { scan_and_parse(state, kSmall); }
BENCHMARK(HeadSmall);

void HeadOfSyncClient(benchmark::State& state) { scan_and_parse(state, kBrowser); }
BENCHMARK(HeadOfSyncClient);

}  // namespace

// URL text to path and back: what every request and every member of a listing pays.
#include <benchmark/benchmark.h>
#include <string>
#include <vector>

#include "dav/path.h"

namespace {

using holdfast::dav::UrlSpace;

void parse(benchmark::State& state, const std::string& url) {
  const UrlSpace space;
  for (auto _ : state)
    benchmark::DoNotOptimize(holdfast::dav::parse_url(url, space, "127.0.0.1:8080"));
}

void ParseShort(benchmark::State& state) { parse(state, "/a.txt"); }
BENCHMARK(ParseShort);

void ParseThreeSegments(benchmark::State& state) { parse(state, "/many/57/331.txt"); }
BENCHMARK(ParseThreeSegments);

void ParseEscaped(benchmark::State& state) {
  parse(state, "/Dokumente/%C3%9Cbersicht%20und%20Pl%C3%A4ne/Entwurf%20%28neu%29.odt");
}
BENCHMARK(ParseEscaped);

void ParseAbsolute(benchmark::State& state) {
  parse(state, "http://127.0.0.1:8080/many/57/331.txt");
}
BENCHMARK(ParseAbsolute);

void Href(benchmark::State& state) {
  const std::vector<std::string> member = {"Entwurf (neu).odt"};
  for (auto _ : state) benchmark::DoNotOptimize(holdfast::dav::href("/Dokumente/", member, false));
}
BENCHMARK(Href);

void EncodeSegment(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    holdfast::dav::append_encoded_segment(out, "331-report.txt");
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(EncodeSegment);

}  // namespace

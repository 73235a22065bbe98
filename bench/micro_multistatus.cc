// What PROPFIND adds to the rows it reads: its request's XML, and the XML of one member's answer.
#include <benchmark/benchmark.h>
#include <string>
#include <string_view>

#include "dav/multistatus.h"

namespace {

using holdfast::dav::PropFind;

constexpr std::string_view kFive =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?><D:propfind xmlns:D=\"DAV:\"><D:prop>"
    "<D:resourcetype/><D:getcontentlength/><D:getlastmodified/><D:getetag/><D:getcontenttype/>"
    "</D:prop></D:propfind>";

holdfast::storage::Member file() {
  holdfast::storage::Member member;
  member.resource.id = 7;
  member.resource.parent = 1;
  member.resource.name = "331-report.txt";
  member.resource.kind = holdfast::storage::Kind::file;
  member.resource.created = 1'700'000'000'000;
  member.resource.modified = 1'700'000'000'000;
  member.resource.stored = 1'700'000'000'000;
  member.resource.etag = "h1-8f3a9c2b7d";
  member.resource.size = 1024;
  return member;
}

void ParseRequest(benchmark::State& state) {
  const holdfast::dav::Options options;
  for (auto _ : state) benchmark::DoNotOptimize(PropFind::parse(kFive, options));
}
BENCHMARK(ParseRequest);

void render(benchmark::State& state, std::string_view request) {
  const holdfast::dav::Options options;
  const auto propfind = PropFind::parse(request, options);
  const auto member = file();
  holdfast::dav::PropertyContext context;
  context.options = &options;
  context.caller = holdfast::dav::anonymous_caller(holdfast::storage::Right::write);
  std::string out;
  for (auto _ : state) {
    out.clear();
    holdfast::dav::multistatus::append_member(out, propfind, member, "/many/331-report.txt",
                                              context);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(out.size()));
}

void RenderFiveProperties(benchmark::State& state) { render(state, kFive); }
BENCHMARK(RenderFiveProperties);

void RenderAllprop(benchmark::State& state) { render(state, ""); }
BENCHMARK(RenderAllprop);

void RenderTwoUnknown(benchmark::State& state) {
  render(state,
         "<D:propfind xmlns:D=\"DAV:\" xmlns:o=\"http://owncloud.org/ns\"><D:prop><D:getetag/>"
         "<o:permissions/><o:fileid/></D:prop></D:propfind>");
}
BENCHMARK(RenderTwoUnknown);

}  // namespace

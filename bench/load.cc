// holdfast-load ADDRESS:PORT < plan: sends the plan's operations to a server and prints one line of
// JSON: what was done, how fast, and what was wrong. bench/load/plan.h says what a plan is.
#include <charconv>
#include <cstdio>
#include <exception>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <sys/resource.h>

#include "bench/load/client.h"
#include "bench/load/plan.h"

namespace {

using holdfast::bench::Result;

double own_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double microseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e3; }

void print(const Result& result, double cpu_s) {
  std::printf(
      "{\"operations\": %llu, \"seconds\": %.6f, \"per_s\": %.1f, \"p50_us\": %.1f, "
      "\"p99_us\": %.1f, \"mean_us\": %.1f, \"max_us\": %.1f, \"first_byte_p50_us\": %.1f, "
      "\"body_bytes\": %llu, \"all_operations\": %llu, \"wrong\": %llu, \"reconnects\": %llu, "
      "\"stalled\": %s, \"client_cpu_s\": %.3f, \"next\": [",
      static_cast<unsigned long long>(result.latency.total()), result.seconds,
      result.done / result.seconds, microseconds(result.latency.quantile(0.5)),
      microseconds(result.latency.quantile(0.99)), result.latency.mean() / 1e3,
      microseconds(result.latency.largest()), microseconds(result.first_byte.quantile(0.5)),
      static_cast<unsigned long long>(result.body_bytes),
      static_cast<unsigned long long>(result.all_operations),
      static_cast<unsigned long long>(result.wrong),
      static_cast<unsigned long long>(result.reconnects), result.stalled ? "true" : "false", cpu_s);
  for (std::size_t i = 0; i < result.next.size(); ++i)
    std::printf("%s%llu", i == 0 ? "" : ", ", static_cast<unsigned long long>(result.next[i]));
  std::printf("], \"reasons\": {");
  const char* separator = "";
  for (const auto& [reason, count] : result.reasons) {
    std::printf("%s\"%s\": %llu", separator, reason.c_str(),
                static_cast<unsigned long long>(count));
    separator = ", ";
  }
  std::printf("}}\n");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string_view where = argc == 2 ? argv[1] : "";
    const auto colon = where.rfind(':');
    std::uint16_t port = 0;
    if (colon != std::string_view::npos)
      std::from_chars(where.data() + colon + 1, where.data() + where.size(), port);
    if (port == 0) {
      std::fprintf(stderr, "usage: holdfast-load ADDRESS:PORT < plan\n");
      return 2;
    }
    const std::string text(std::istreambuf_iterator<char>(std::cin), {});
    const auto plan = holdfast::bench::parse_plan(text, where);
    const auto result = run(plan, std::string(where.substr(0, colon)), port);
    print(result, own_cpu_seconds());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "holdfast-load: %s\n", error.what());
    return 1;
  }
}

// REPORT (RFC 3253 §3.6): the root element of the body says which report is asked for.
#include "dav/report.h"

#include <algorithm>

#include "dav/body.h"
#include "dav/conditions.h"
#include "dav/headers.h"
#include "dav/method.h"
#include "dav/methods/methods.h"
#include "dav/rights.h"
#include "dav/sync_collection.h"
#include "dav/version_tree.h"
#include "dav/xml/parse_slots.h"

namespace holdfast::dav {
namespace {

constexpr Report kReports[] = {
    // namespace, name, allowed on, function
    {xml::kDav, "sync-collection", kCollection, report_sync_collection},
    {xml::kDav, "version-tree", kFile, report_version_tree},
};

Error unsupported(std::string detail) {
  return {Precondition::supported_report, std::move(detail)};
}

}  // namespace

std::span<const Report> reports() { return kReports; }

bool is_offered(const Report& report, const Options& options) {
  return options.sync || report.make != report_sync_collection;
}

Response handle_report(Call& call) {
  const Conditions conditions(call);
  const std::string body = read_body(call);
  const xml::ParseSlots::Slot slot = call.parses.take();
  const xml::Document document = xml::Document::parse(body, call.options.xml);
  const xml::Element asked = document.root();
  const auto report = std::ranges::find_if(
      kReports, [&](const Report& each) { return asked.is(each.xmlns, each.name); });
  if (report == std::end(kReports) || !is_offered(*report, call.options))
    throw unsupported("there is no such report");

  auto snapshot = call.names.snapshot();
  storage::Resolution target = snapshot->resolve(call.target.path);
  require_visible(call, target);
  const storage::Resource& resource = existing(call, target);
  if (right_on(*call.caller, target.path) >= storage::Right::read) {
    conditions.check(*snapshot, target);
  } else {
    conditions.check(*snapshot, as_seen(*call.caller, target));
  }
  if ((report->allowed_on & (resource.is_collection() ? kCollection : kFile)) == 0)
    throw unsupported("there is no such report on this kind of resource");
  return report->make(call, asked, std::move(snapshot), std::move(target));
}

}  // namespace holdfast::dav

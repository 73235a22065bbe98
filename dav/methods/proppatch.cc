// PROPPATCH (RFC 4918 §9.2): it applies all instructions in document order, or none.
#include <algorithm>
#include <map>
#include <string_view>

#include "dav/body.h"
#include "dav/conditions.h"
#include "dav/headers.h"
#include "dav/junk.h"
#include "dav/leases.h"
#include "dav/locks.h"
#include "dav/methods/methods.h"
#include "dav/multistatus.h"
#include "dav/property.h"
#include "dav/quota.h"
#include "dav/rights.h"
#include "dav/xml/document.h"
#include "dav/xml/output.h"
#include "http/date.h"
#include "http/status.h"
#include "storage/dates.h"
#include "text/ascii.h"

namespace holdfast::dav {
namespace {

struct Instruction {
  storage::PropertyName name;
  std::optional<std::string> xml;  // the element to set; nullopt removes
  std::string text;
  int status = 200;                              // as if this were the only instruction
  std::optional<ExpectedChecksums> checksums{};  // the checksums that the client sent
};

using Patch = LiveProperty::Patch;

constexpr Precondition kProtected = Precondition::cannot_modify_protected_property;

bool is_dead(const storage::PropertyName& name) {
  const LiveProperty* const live = find_live(name);
  return live == nullptr || live->patch == Patch::stored;
}

bool is_compared(const storage::PropertyName& name) {
  const LiveProperty* const live = find_live(name);
  return live != nullptr && live->patch == Patch::compared;
}

// A namespace name is a URI reference, here also with characters beyond ASCII (Namespaces in XML
// 1.0 §2.2, RFC 3986 §2). One with other characters, such as "a}b", would break every later listing
// for clients that write it in braces before the local name.
bool may_be_namespace_name(std::string_view xmlns) {
  constexpr std::string_view kForbidden = " \"<>\\^`{|}";
  return std::none_of(xmlns.begin(), xmlns.end(), [&](char c) {
    return text::is_control(c) || kForbidden.find(c) != std::string_view::npos;
  });
}

// Parses DAV:propertyupdate (RFC 4918 §14.19). A value above the limits gets its 507 here and is
// dropped. A standalone value repeats the namespace declarations around it, so that many values may
// take far more memory than the body.
std::vector<Instruction> parse(std::string_view body, const Options& options) {
  const xml::Document document = xml::Document::parse(body, options.xml);
  const xml::Element root = document.root();
  if (!root.is_dav("propertyupdate"))
    throw Error(400, "the root element is not DAV:propertyupdate");
  std::vector<Instruction> instructions;
  std::uint64_t kept_bytes = 0;
  bool acts = false;
  for (const xml::Element& action : root.children()) {
    const bool sets = action.is_dav("set");
    if (!sets && !action.is_dav("remove")) continue;  // RFC 4918 §17: unknown elements are ignored
    acts = true;
    if (!action.child_dav("prop")) throw Error(400, "DAV:set and DAV:remove need a DAV:prop");
    for (const xml::Element& prop : action.children()) {
      if (!prop.is_dav("prop")) continue;
      for (const xml::Element& element : prop.children()) {
        if (instructions.size() == options.proppatch_instruction_limit)
          throw Error(400, "too many instructions");
        Instruction& instruction = instructions.emplace_back();
        instruction.name = element.name();
        if (sets && !may_be_namespace_name(instruction.name.xmlns))
          throw Error(400, "the property " + instruction.name.name +
                               " has a namespace name that is no URI");
        if (!sets) continue;
        instruction.xml = element.standalone();
        instruction.text = element.text();
        if (is_compared(instruction.name))
          for (const xml::Element& entry : element.children()) instruction.text += entry.text();
        if (!is_dead(instruction.name)) continue;
        const std::uint64_t bytes = instruction.xml->size();
        if (bytes > options.property_value_limit_bytes ||
            kept_bytes + bytes > options.property_total_limit_bytes) {
          instruction.status = 507;
          instruction.xml.emplace();
        } else {
          kept_bytes += bytes;
        }
      }
    }
  }
  if (!acts) throw Error(400, "DAV:propertyupdate has no instruction");
  return instructions;
}

std::vector<Instruction> parse(const Call& call) {
  const std::string body = read_body(call);
  const xml::ParseSlots::Slot slot = call.parses.take();
  return parse(body, call.options);
}

// Returns the modification date in a settable live property, in any form (docs/clients.md R44);
// nullopt when there is none.
std::optional<storage::Millis> date_value(std::string_view text) {
  const auto seconds = http::parse_any_date(text);
  if (!seconds) return std::nullopt;
  return *seconds * 1000;
}

// Parses the checksums of an instruction. rclone sets the date of a file together with the
// checksums that it knows (docs/clients.md R43).
void judge_checksums(Instruction& instruction) {
  try {
    instruction.checksums = parse_oc_checksum(text::trimmed(instruction.text));
  } catch (const Error&) {
    instruction.status = 409;
  }
}

// Compares checksums with the content: an instruction that agrees succeeds and changes nothing, any
// other is refused.
void judge_checksums(std::vector<Instruction>& instructions, const storage::Snapshot& snapshot,
                     const storage::Resource& resource) {
  for (Instruction& instruction : instructions) {
    if (!instruction.checksums) continue;
    if (resource.is_collection()) {
      instruction.status = 403;
    } else if (instruction.checksums->contradicts(snapshot.facts(resource).checksums)) {
      instruction.status = 409;
    }
  }
}

// Sets the status of each instruction on a live property by its name and value alone; returns the
// requested modification date.
std::optional<storage::Millis> judge(std::vector<Instruction>& instructions) {
  std::optional<storage::Millis> modified;
  for (Instruction& instruction : instructions) {
    if (is_dead(instruction.name)) continue;
    const LiveProperty& live = *find_live(instruction.name);
    if (live.patch == Patch::compared && instruction.xml) {
      judge_checksums(instruction);
    } else if (live.is_protected() || !instruction.xml) {
      instruction.status = 403;
    } else if (const auto date = date_value(instruction.text)) {
      modified = date;
    } else {
      instruction.status = 409;
    }
  }
  return modified;
}

// Sets status 507 for instructions that would exceed a limit of the resource.
void judge_limits(std::vector<Instruction>& instructions,
                  const std::vector<storage::Property>& stored, const Options& options) {
  std::map<storage::PropertyName, std::uint64_t> sizes;
  std::uint64_t total = 0;
  for (const storage::Property& property : stored) {
    sizes[property.name] = property.xml.size();
    total += property.xml.size();
  }
  for (Instruction& instruction : instructions) {
    if (!is_dead(instruction.name)) continue;
    if (const auto old = sizes.find(instruction.name); old != sizes.end()) {
      total -= old->second;
      sizes.erase(old);
    }
    if (!instruction.xml) continue;
    sizes[instruction.name] = instruction.xml->size();
    total += instruction.xml->size();
    if (sizes.size() > options.property_limit || total > options.property_total_limit_bytes)
      instruction.status = 507;
  }
}

bool all_good(const std::vector<Instruction>& instructions) {
  return std::all_of(instructions.begin(), instructions.end(),
                     [](const Instruction& each) { return each.status == 200; });
}

// Returns true when all instructions are on Microsoft's properties Win32…. Office writes four of
// them on a file that it has locked, without the lock token (docs/clients.md R72).
bool win32_only(const std::vector<Instruction>& instructions) {
  return std::all_of(instructions.begin(), instructions.end(), [](const Instruction& each) {
    return each.name.xmlns == "urn:schemas-microsoft-com:" && each.name.name.starts_with("Win32");
  });
}

bool office_exception(const Call& call, const std::vector<Instruction>& instructions,
                      const std::vector<storage::Lock>& locks) {
  // All anonymous clients are one principal, so that only the token distinguishes them.
  return !call.caller->name.empty() && win32_only(instructions) &&
         std::all_of(locks.begin(), locks.end(),
                     [&](const storage::Lock& lock) { return created_by(lock, *call.caller); });
}

void append_propstat(std::string& out, const std::vector<Instruction>& instructions, int status) {
  std::vector<const storage::PropertyName*> listed;
  std::string names;
  for (const Instruction& instruction : instructions) {
    if (instruction.status != status) continue;
    const bool again = std::any_of(listed.begin(), listed.end(),
                                   [&](const auto* name) { return *name == instruction.name; });
    if (again) continue;
    listed.push_back(&instruction.name);
    xml::append_empty_element(names, instruction.name);
  }
  if (listed.empty()) return;
  multistatus::begin_propstat(out);
  out += names;
  multistatus::end_propstat(out, status,
                            status == usual_status(kProtected) ? kProtected : Precondition::none);
}

}  // namespace

Response handle_proppatch(Call& call) {
  const Conditions conditions(call);
  std::vector<Instruction> instructions = parse(call);
  const std::optional<storage::Millis> modified = judge(instructions);
  std::vector<storage::PropertyChange> changes;
  for (const Instruction& instruction : instructions)
    if (is_dead(instruction.name)) changes.push_back({instruction.name, instruction.xml});

  bool collection = false;
  bool discards = false;
  std::vector<Instruction> outcome;
  write(call, storage::Flush::required, [&](storage::Transaction& tx) {
    storage::Resolution target = tx.resolve(call.target.path);
    if (revive_named_locks(call, conditions, tx, {&target})) target = tx.resolve(call.target.path);
    discards = !target.mapped() && is_discarded(call.options, target);
    if (discards) {
      outcome = instructions;
      return;
    }
    const storage::Resource& resource = existing(call, target);
    collection = resource.is_collection();
    conditions.check(tx, target);
    if (!office_exception(call, instructions, target.locks))
      require_tokens(call, conditions, tx, target.locks);
    outcome = instructions;
    judge_checksums(outcome, tx, resource);
    judge_limits(outcome, tx.properties(resource), call.options);
    if (!all_good(outcome)) return;
    const bool sets = std::any_of(changes.begin(), changes.end(),
                                  [](const auto& change) { return change.xml.has_value(); });
    if (sets) require_space(call);
    if (modified) {
      tx.set_modified(resource.id, resource.is_collection()
                                       ? storage::Date(*modified, storage::DateMark::set)
                                       : storage::date_set(*modified, resource, *target.parent));
    }
    if (changes.empty()) return;
    const storage::AccountId owner = owner_after(call, resource, true);
    const QuotaCheck quota(call, tx, owner);
    if (tx.patch_properties(resource.id, changes) <= 0) return;
    tx.set_owner(resource.id, owner);
    quota.require_within(tx);
  });

  if (!all_good(outcome)) {
    for (Instruction& instruction : outcome)
      if (instruction.status == 200) instruction.status = 424;
  }
  Response response = multistatus::answer();
  if (all_good(outcome) && !outcome.empty() && !discards) response.changed.emplace();
  std::string body;
  multistatus::begin(body);
  multistatus::begin_response(body, href(call.target.spelling, {}, collection));
  for (const int status : {200, 403, 409, 507, 424}) append_propstat(body, outcome, status);
  // Windows treats a response without a propstat as a failure (docs/clients.md R76).
  if (outcome.empty()) {
    multistatus::begin_propstat(body);
    multistatus::end_propstat(body, 200);
  }
  multistatus::end_response(body);
  multistatus::end(body);
  response.body = std::move(body);
  return response;
}

}  // namespace holdfast::dav

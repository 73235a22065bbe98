#include "dav/staged_upload.h"

#include <optional>
#include <utility>

#include "dav/body.h"
#include "dav/leases.h"
#include "dav/method.h"
#include "dav/past.h"
#include "dav/quota.h"
#include "dav/refusal.h"
#include "dav/rights.h"

namespace holdfast::dav {
namespace {

// A killed process loses at most so many bytes that arrived.
constexpr std::uint64_t kKeptEveryBytes = std::uint64_t{64} << 20;

}  // namespace

Call as_storing(const Call& call, storage::Path path) {
  Target target;
  target.spelling = href(call.options.space, path, false);
  target.path = std::move(path);
  require_present(call.options, target);
  Call file{call.request,   call.caller,  storing_method(), call.names,
            call.contents,  call.options, call.parses,      call.bodies,
            call.propfinds, call.sizes,   call.space,       call.staging,
            std::move(target)};
  require_right_on_target(file);
  return file;
}

storage::Staging& staging_of(const Call& call) {
  if (call.staging == nullptr) throw Error(501, "uploads that go on are not offered here");
  return *call.staging;
}

storage::StagedStatus upload_of(const Call& call, std::string_view id) {
  std::optional<storage::StagedStatus> found = staging_of(call).find(id);
  if (found && found->info.account == call.caller->account && !found->info.in_parts)
    return *std::move(found);
  throw Error(404, "there is no such upload");
}

std::unique_ptr<storage::Staged> claim(const Call& call, std::string_view id) {
  std::unique_ptr<storage::Staged> upload = staging_of(call).claim(id);
  if (upload) return upload;
  if (!staging_of(call).find(id)) throw Error(404, "there is no such upload");
  throw upload_is_busy();
}

std::uint64_t judge(Call& file, const Conditions& conditions, std::optional<std::uint64_t> length) {
  return with_room(file, [&] {
    const auto snapshot = file.names.snapshot();
    const storage::Resolution target = snapshot->resolve(file.target.path);
    check_target(file, conditions, *snapshot, target);
    return check_room(file, *snapshot, target, length, true);
  });
}

std::string begin_upload(const Call& file, storage::StagedInfo info) {
  info.account = file.caller->account;
  info.target = file.target.path;
  info.digests = file.options.checksums;
  require_space(file);
  if (auto id = staging_of(file).create(std::move(info), file.options.uploads_per_account))
    return *std::move(id);
  Error error(507, "too many uploads are not finished");
  error.message = "There are " + std::to_string(file.options.uploads_per_account) +
                  " uploads that are not finished: finish or remove one first.";
  throw error;
}

void add_body(Call& file, HeldLocks* locks, storage::Staged& upload, std::uint64_t room_bytes) {
  Body& body = *file.request.body;
  const std::uint64_t most = upload.info().length.value_or(body_limit_bytes(file));
  const auto too_long = [&] {
    return upload.info().length
               ? Error(413, "the upload would become longer than its Upload-Length")
               : body_too_large(file);
  };
  if (body.length().value_or(0) > most - upload.size()) throw too_long();
  storage::SpaceLedger::Reservation space = file.space.upload(file.caller->account, room_bytes);
  std::uint64_t kept = upload.size();
  const auto keep = [&] {
    upload.keep();
    space.give_back();
    kept = upload.size();
  };
  const RestsWhenSlow resting(body, [&] {
    upload.rest();
    space.give_back();
    kept = upload.size();
  });
  for (;;) {
    require_signed_in(file);
    if (locks != nullptr) locks->keep();
    const Body::Piece piece = body.read();
    if (!piece.bytes.empty()) {
      if (!upload.resume()) throw upload_is_busy();
      if (piece.bytes.size() > most - upload.size()) throw too_long();
      reserve(file, space, piece.bytes.size());
      upload.append(piece.bytes);
      if (upload.size() - kept >= kKeptEveryBytes) keep();
    }
    if (piece.state == Body::State::complete) break;
    if (piece.state != Body::State::more) throw body_error(piece.state);
  }
  if (!upload.resume()) throw upload_is_busy();
}

Outcome complete(Call& file, const Conditions& conditions, const HeldLocks* locks,
                 storage::Staged& upload, const ExpectedChecksums& checksums,
                 std::optional<storage::Millis> modified) {
  storage::Digests digests = checksums.digests();
  digests.sha1 |= file.options.checksums.sha1;
  digests.md5 |= file.options.checksums.md5;
  with_room(file, [&] { require_space(file, upload.bytes_to_copy()); });
  const std::unique_ptr<storage::Upload> whole = upload.content(digests);
  const storage::Content& content = whole->seal();
  Outcome outcome =
      store(file, conditions, locks, *whole,
            {.content = content, .modified = modified, .checksums = checksums, .judged = false});
  upload.finish();
  return outcome;
}

}  // namespace holdfast::dav

#include "dav/method.h"
#include "dav/methods/methods.h"

namespace holdfast::dav {

// OPTIONS (RFC 9110 §9.3.7, RFC 4918 §10.1, RFC 5323 §3). The response is the same for files, collections and
// unmapped URLs, without a lookup: clients read it as what the server can do (docs/clients.md
// R1–R4).
Response handle_options(Call&) {
  Response response;
  response.set("DAV", compliance_classes())
      .set("MS-Author-Via", "DAV")
      .set("Allow", allowed_methods())
      .set("Accept-Ranges", "bytes")
      .set("DASL", "<DAV:basicsearch>")
      .set("Accept-Patch", kPartialUpdateType);
  return response;
}

}  // namespace holdfast::dav

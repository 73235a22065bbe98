#include "server/observe/event_log.h"

#include "Poco/AutoPtr.h"
#include "Poco/ConsoleChannel.h"
#include "Poco/FormattingChannel.h"
#include "Poco/Logger.h"
#include "Poco/PatternFormatter.h"
#include "text/ascii.h"
#include "text/json.h"

namespace holdfast::server::observe {

void start_event_log() {
  const Poco::AutoPtr<Poco::PatternFormatter> formatter(
      new Poco::PatternFormatter("%Y-%m-%dT%H:%M:%S.%iZ %t"));
  const Poco::AutoPtr<Poco::ConsoleChannel> console(new Poco::ConsoleChannel);
  Poco::Logger::root().setChannel(
      Poco::AutoPtr<Poco::FormattingChannel>(new Poco::FormattingChannel(formatter, console)));
}

void log_event(const std::string& sentence) {
  Poco::Logger::root().warning(text::escape_invisible(text::without_controls(sentence, ' ')));
}

}  // namespace holdfast::server::observe

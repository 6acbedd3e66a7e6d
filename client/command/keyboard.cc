#include "client/command/keyboard.h"

#include <sys/ioctl.h>
#include <unistd.h>

namespace unroll::client {

Keyboard::Keyboard() {
  if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
  termios keys = before_;
  // Without signals, so that Ctrl-C does not leave the terminal like this.
  keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
  changed_ = tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
}

Keyboard::~Keyboard() {
  if (changed_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

size_t TerminalColumns() {
  winsize size = {};
  const bool known =
      ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

}  // namespace unroll::client

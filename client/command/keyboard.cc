#include "client/command/keyboard.h"

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

}  // namespace unroll::client

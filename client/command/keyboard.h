#ifndef UNROLL_CLIENT_COMMAND_KEYBOARD_H_
#define UNROLL_CLIENT_COMMAND_KEYBOARD_H_

#include <termios.h>

#include <cstddef>

namespace unroll::client {

// While it lives, keys typed at standard input come one by one and are not
// echoed. Nothing, if standard input is no terminal.
class Keyboard {
 public:
  Keyboard();
  ~Keyboard();
  Keyboard(const Keyboard&) = delete;
  Keyboard& operator=(const Keyboard&) = delete;

 private:
  bool changed_ = false;
  termios before_ = {};
};

// Ctrl-C and Ctrl-D, which come as keys too.
inline bool IsEndKey(char key) { return key == 3 || key == 4; }

// Of the terminal at standard output; 80 if it is none.
size_t TerminalColumns();

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_KEYBOARD_H_

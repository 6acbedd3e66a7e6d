#include "client/command/commands.h"

int main(int argc, char** argv) {
  unroll::client::Terminal terminal = unroll::client::StandardTerminal();
  return unroll::client::RunCommand(argc, argv, terminal);
}

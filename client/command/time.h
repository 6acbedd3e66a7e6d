#ifndef UNROLL_CLIENT_COMMAND_TIME_H_
#define UNROLL_CLIENT_COMMAND_TIME_H_

#include <google/protobuf/duration.pb.h>

#include <string>

namespace unroll::client {

double Seconds(const google::protobuf::Duration& duration);

// "0.123 ms", "4.56 s": three digits or so.
std::string FormatSeconds(double seconds);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_TIME_H_

#ifndef UNROLL_SERVER_UNSERVED_CALLS_H_
#define UNROLL_SERVER_UNSERVED_CALLS_H_

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

namespace unroll::server {

// Answers calls of methods that are not served: UNIMPLEMENTED, with a sentence
// for those that clients of the Open Inference Protocol may try.
class UnservedCalls final : public grpc::CallbackGenericService {
 private:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_UNSERVED_CALLS_H_

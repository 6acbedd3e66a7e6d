#include "core/format/pickle_globals.h"

namespace unroll {
namespace {

using enum PickleRole;

constexpr PickleGlobal kGlobals[] = {
    {"collections", "OrderedDict", kOrderedDict},

    {"torch._utils", "_rebuild_tensor_v2", kRebuildTensor},
    {"torch._utils", "_rebuild_tensor_v3", kRebuildTensorV3},
    {"torch._utils", "_rebuild_parameter", kRebuildParameter},
    {"torch._utils", "_rebuild_parameter_with_state", kRebuildParameter},

    {"torch", "FloatStorage", kStorage, "F32"},
    {"torch", "DoubleStorage", kStorage, "F64"},
    {"torch", "HalfStorage", kStorage, "F16"},
    {"torch", "BFloat16Storage", kStorage, "BF16"},
    {"torch", "LongStorage", kStorage, "I64"},
    {"torch", "IntStorage", kStorage, "I32"},
    {"torch", "ShortStorage", kStorage, "I16"},
    {"torch", "CharStorage", kStorage, "I8"},
    {"torch", "ByteStorage", kStorage, "U8"},
    {"torch", "BoolStorage", kStorage, "BOOL"},
    {"torch.storage", "UntypedStorage", kUntypedStorage},

    {"torch", "float32", kDtype, "F32"},
    {"torch", "float64", kDtype, "F64"},
    {"torch", "float16", kDtype, "F16"},
    {"torch", "bfloat16", kDtype, "BF16"},
    {"torch", "int64", kDtype, "I64"},
    {"torch", "int32", kDtype, "I32"},
    {"torch", "int16", kDtype, "I16"},
    {"torch", "int8", kDtype, "I8"},
    {"torch", "uint64", kDtype, "U64"},
    {"torch", "uint32", kDtype, "U32"},
    {"torch", "uint16", kDtype, "U16"},
    {"torch", "uint8", kDtype, "U8"},
    {"torch", "bool", kDtype, "BOOL"},
    {"torch", "float8_e4m3fn", kDtype, "F8_E4M3"},
    {"torch", "float8_e5m2", kDtype, "F8_E5M2"},

    // Epochs and scores, arguments and schedules.
    {"torch", "Size", kInert},
    {"torch", "device", kInert},
    {"argparse", "Namespace", kInert},
    {"collections", "Counter", kInert},
    {"pathlib", "PosixPath", kInert},
    {"__builtin__", "set", kInert},
    {"builtins", "set", kInert},
    {"numpy", "dtype", kInert},
    {"numpy.core.multiarray", "scalar", kInert},
    {"numpy._core.multiarray", "scalar", kInert},
    {"_codecs", "encode", kInert},  // the bytes of a scalar

    {"torch", "ComplexFloatStorage", kRefused, "complex numbers"},
    {"torch", "ComplexDoubleStorage", kRefused, "complex numbers"},
    {"torch", "QInt8Storage", kRefused, "a quantized tensor"},
    {"torch", "QUInt8Storage", kRefused, "a quantized tensor"},
    {"torch", "QInt32Storage", kRefused, "a quantized tensor"},
    {"torch._utils", "_rebuild_qtensor", kRefused, "a quantized tensor"},
    {"torch._utils", "_rebuild_sparse_tensor", kRefused, "a sparse tensor"},
    {"torch._utils", "_rebuild_meta_tensor_no_storage", kRefused,
     "a tensor without numbers, on device meta"},
    {"torch._tensor", "_rebuild_from_type_v2", kRefused,
     "a tensor of a class of its own or with attributes"},
};

}  // namespace

const PickleGlobal* FindPickleGlobal(std::string_view module,
                                     std::string_view name) {
  for (const PickleGlobal& global : kGlobals) {
    if (global.name == name && global.module == module) return &global;
  }
  return nullptr;
}

}  // namespace unroll

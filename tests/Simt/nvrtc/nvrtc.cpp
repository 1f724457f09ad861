// libnvrtc: the exported functions.
#include "compiler.h"
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#define NVRTC_API extern "C" __attribute__((visibility("default")))

namespace
{
    enum Result
    {
        Success = 0,
        InvalidInput = 3,
        InvalidProgram = 4,
        InvalidOption = 5,
        CompilationFailed = 6,
        BuiltinsMissing = 7,
    };

    struct Program
    {
        simt::Job job;
        std::string image, log;
    };

    const int architectures[] = {50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90};
    std::atomic<long long> live;

    bool starts(const std::string& text, const char* with) { return text.rfind(with, 0) == 0; }

    // Options that have no effect here: g++ rounds as told and has enough registers.
    bool harmless(const std::string& option)
    {
        const char* known[] = {"--std", "-std", "--use_fast_math", "-use_fast_math", "--generate-line-info",
            "-lineinfo", "--device-debug", "-G", "--maxrregcount", "-maxrregcount", "--fmad", "-fmad", "--ftz", "-ftz",
            "--prec-div", "-prec-div", "--prec-sqrt", "-prec-sqrt", "--extra-device-vectorization",
            "-extra-device-vectorization", "-default-device", "--device-as-default-execution-space", "--restrict",
            "-restrict", "-w", "--disable-warnings", "--include-path", "-I", "--ptxas-options", "-Xptxas", "--dopt",
            "-dopt", "--no-cache", "-no-cache"};
        return std::any_of(std::begin(known), std::end(known),
            [&](const char* name)
            {
                return option == name || starts(option, (std::string(name) + "=").c_str()) ||
                       (std::string(name) == "-I" && starts(option, "-I"));
            });
    }

    bool read_architecture(const std::string& value, int& architecture)
    {
        size_t underscore = value.find('_');
        if (underscore == std::string::npos) return false;
        architecture = std::atoi(value.c_str() + underscore + 1);
        return std::count(std::begin(architectures), std::end(architectures), architecture) == 1;
    }

    bool read_options(Program& program, int count, const char* const* options)
    {
        program.job.defines.clear();
        for (int i = 0; i < count; ++i)
        {
            std::string option = options[i], next = i + 1 < count ? options[i + 1] : "";
            size_t equals = option.find('=');
            std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
            bool good = true;
            if (starts(option, "--gpu-architecture=") || starts(option, "-arch="))
                good = read_architecture(value, program.job.architecture);
            else if (option == "--gpu-architecture" || option == "-arch")
                good = ++i < count && read_architecture(next, program.job.architecture);
            else if (starts(option, "--define-macro=")) program.job.defines.push_back("-D" + value);
            else if (starts(option, "--undefine-macro=")) program.job.defines.push_back("-U" + value);
            else if ((option == "-D" || option == "-U") && ++i < count) program.job.defines.push_back(option + next);
            else if (starts(option, "-D") || starts(option, "-U")) program.job.defines.push_back(option);
            else good = harmless(option);
            if (good) continue;
            program.log = "nvrtc: error: invalid value or unknown option: " + option + "\n";
            return false;
        }
        return true;
    }
}

NVRTC_API int nvrtcVersion(int* major, int* minor)
{
    if (!major || !minor) return InvalidInput;
    *major = simt::version() / 1000;
    *minor = simt::version() % 1000 / 10;
    return Success;
}

NVRTC_API int nvrtcCreateProgram(Program** result, const char* source, const char* name, int header_count,
    const char* const* headers, const char* const* include_names)
{
    if (!result || !source || header_count < 0 || (header_count && (!headers || !include_names))) return InvalidInput;
    auto* program = new Program;
    program->job.source = source;
    program->job.name = name && *name ? name : "default_program";
    for (int i = 0; i < header_count; ++i) program->job.headers.emplace_back(include_names[i], headers[i]);
    ++live;
    *result = program;
    return Success;
}

NVRTC_API int nvrtcDestroyProgram(Program** program)
{
    if (!program || !*program) return InvalidProgram;
    delete *program;
    *program = nullptr;
    --live;
    return Success;
}

NVRTC_API int nvrtcCompileProgram(Program* program, int count, const char* const* options)
{
    if (!program) return InvalidProgram;
    program->image.clear();
    program->log.clear();
    if (count < 0 || (count && !options)) return InvalidInput;
    if (!read_options(*program, count, options)) return InvalidOption;
    if (const char* builtins = std::getenv("SIMT_BUILTINS"); builtins && std::string(builtins) == "0")
    {
        program->log = "nvrtc: error: failed to open libnvrtc-builtins.so.12.4.\n"
                       "  Make sure that libnvrtc-builtins.so.12.4 is installed correctly.";
        return BuiltinsMissing;
    }
    return simt::compile(program->job, program->image, program->log) ? Success : CompilationFailed;
}

NVRTC_API int nvrtcGetCUBINSize(Program* program, size_t* bytes)
{
    if (!program) return InvalidProgram;
    if (!bytes) return InvalidInput;
    *bytes = program->image.size();
    return Success;
}

NVRTC_API int nvrtcGetCUBIN(Program* program, char* image)
{
    if (!program) return InvalidProgram;
    if (!image || program->image.empty()) return InvalidInput;
    std::memcpy(image, program->image.data(), program->image.size());
    return Success;
}

// The PTX, which is the same as the cubin here.
NVRTC_API int nvrtcGetPTXSize(Program* program, size_t* bytes) { return nvrtcGetCUBINSize(program, bytes); }
NVRTC_API int nvrtcGetPTX(Program* program, char* image) { return nvrtcGetCUBIN(program, image); }

NVRTC_API int nvrtcGetProgramLogSize(Program* program, size_t* bytes)
{
    if (!program) return InvalidProgram;
    if (!bytes) return InvalidInput;
    *bytes = program->log.size() + 1;
    return Success;
}

NVRTC_API int nvrtcGetProgramLog(Program* program, char* log)
{
    if (!program) return InvalidProgram;
    if (!log) return InvalidInput;
    std::memcpy(log, program->log.c_str(), program->log.size() + 1);
    return Success;
}

NVRTC_API int nvrtcGetNumSupportedArchs(int* count)
{
    if (!count) return InvalidInput;
    *count = int(std::size(architectures));
    return Success;
}

NVRTC_API int nvrtcGetSupportedArchs(int* all)
{
    if (!all) return InvalidInput;
    std::copy(std::begin(architectures), std::end(architectures), all);
    return Success;
}

NVRTC_API const char* nvrtcGetErrorString(int code)
{
    switch (code)
    {
        case Success: return "NVRTC_SUCCESS";
        case 1: return "NVRTC_ERROR_OUT_OF_MEMORY";
        case 2: return "NVRTC_ERROR_PROGRAM_CREATION_FAILURE";
        case InvalidInput: return "NVRTC_ERROR_INVALID_INPUT";
        case InvalidProgram: return "NVRTC_ERROR_INVALID_PROGRAM";
        case InvalidOption: return "NVRTC_ERROR_INVALID_OPTION";
        case CompilationFailed: return "NVRTC_ERROR_COMPILATION";
        case BuiltinsMissing: return "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE";
        default: return "NVRTC_ERROR_INTERNAL_ERROR";
    }
}

NVRTC_API long long simt_live_programs() { return live; }

using System.Collections.Frozen;

namespace Engine.Configuration;

/// <summary>
/// The keys of Theano from release 0.4.1 to 1.0.5 (theano/configdefaults.py) and their meaning here: a key that is a
/// <see cref="Setting"/> is used, the others are ignored. docs/from-theano.md has the same table.
/// </summary>
internal static class TheanoKeys
{
    private const string FastMath = "nvcc.fastmath", NvccFlags = "nvcc.flags", Excluding = "optimizer_excluding";

    /// <summary>Gets the ignored keys, grouped by what applies here instead.</summary>
    public static IReadOnlyList<(string Instead, string Keys)> Ignored { get; } =
    [
        ("no C++ is compiled",
            "cxx gcc.cxxflags cmodule.age_thresh_use cmodule.compilation_warning cmodule.debug "
            + "cmodule.mac_framework_link cmodule.preload_cache cmodule.remove_gxx_opt cmodule.warn_no_version "
            + "nocleanup check_input linker vm.lazy compile.timeout compile.wait"),
        ("kernels are compiled by NVRTC, for the GPU that is there",
            "nvcc.compiler_bindir nvcc.cudafe cuda.nvccflags"),
        ("compiled kernels are kept in the folder that `ENGINE_CACHE` names",
            "base_compiledir compiledir compiledir_format gpuarray.cache_path home"),
        ("no BLAS, cuDNN, MAGMA or CTC is used",
            "blas.ldflags blas.check_openmp cublas.lib lib.amdlibm dnn.base_path dnn.bin_path dnn.include_path "
            + "dnn.library_path dnn.enabled dnn.conv.algo_bwd dnn.conv.algo_bwd_data dnn.conv.algo_bwd_filter "
            + "dnn.conv.algo_fwd dnn.conv.precision dnn.conv.workmem dnn.conv.workmem_bwd magma.enabled "
            + "magma.include_path magma.library_path ctc.root conv.assert_shape"),
        ("CUDA is looked for where `runner doctor` says; `ENGINE_CUDA_PATH` names a folder",
            "cuda.root cuda.include_path cuda.enabled pycuda.init enable_initial_driver_test"),
        ("memory is planned before a function runs",
            "allow_gc lib.cnmem gpuarray.preallocate scan.allow_gc scan.allow_output_prealloc scan.debug"),
        ("one GPU at most, one stream",
            "contexts init_gpu_device gpuarray.init_device gpuarray.sched gpuarray.single_stream gpuarray.sync "
            + "gpuelemwise.sync"),
        ("a GPU that only the configuration asks for is replaced by the CPU, with a note; `--device cuda` insists",
            "force_device print_active_device assert_no_cpu_op"),
        ("`threads` says how many; the results do not depend on it",
            "openmp openmp_elemwise_minsize"),
        ("always: the same seed gives the same bits", "deterministic"),
        ("rewrites are left out by `optimizer` and `optimizer_excluding`",
            "optimizer_including optimizer_requiring optimizer_verbose optdb.max_use_ratio optdb.position_cutoff "
            + "metaopt.optimizer_excluding metaopt.optimizer_including metaopt.verbose tensor.local_elemwise_fusion "
            + "gpu.local_elemwise_fusion tensor.insert_inplace_optimizer_validate_nb experimental.local_alloc_elemwise "
            + "experimental.local_alloc_elemwise_assert experimental.mrg cycle_detection cache_optimizations "
            + "check_stack_trace time_eq_optimizer time_seq_optimizer"),
        ("always an error", "on_opt_error on_shape_error on_unused_input"),
        ("shapes are checked on the line that writes the op",
            "compute_test_value compute_test_value_opt print_test_value pickle_test_value"),
        ("messages always name the op, the layer and the line",
            "exception_verbosity traceback.limit traceback.compile_limit"),
        ("`--profile` and `--trace` time kernels; `explain` prints plans",
            "profile profile_memory profile_optimizer profiling.debugprint profiling.destination "
            + "profiling.ignore_first_call profiling.min_memory_size profiling.min_peak_memory profiling.n_apply "
            + "profiling.n_ops profiling.output_line_width profiling.time_thunks ProfileMode.min_memory_size "
            + "ProfileMode.n_apply_to_print ProfileMode.n_ops_to_print ProfileMode.profile_memory print_global_stats "
            + "op.set_flops"),
        ("DebugMode holds each step to its op's reference; nothing of it is set",
            "DebugMode.check_c DebugMode.check_finite DebugMode.check_preallocated_output "
            + "DebugMode.check_preallocated_output_ndim DebugMode.check_py DebugMode.check_strides DebugMode.patience "
            + "DebugMode.warn_input_not_reused tensor.cmp_sloppy"),
        ("NanGuardMode ends with an error at a NaN or an infinity; numbers that are only big are none",
            "NanGuardMode.action NanGuardMode.big_is_error NanGuardMode.inf_is_error NanGuardMode.nan_is_error"),
        ("the types of results are as at the top of this page", "cast_policy int_division warn_float64"),
        ("floating-point errors give NaN and infinities",
            "numpy.seterr_all numpy.seterr_divide numpy.seterr_invalid numpy.seterr_over numpy.seterr_under"),
        ("there are no such pickles, values or tests",
            "experimental.unpickle_gpu_on_cpu reoptimize_unpickled_function unpickle_function shared.value_borrows "
            + "unittests.rseed"),
        ("warnings of Theano's own former errors",
            "warn.argmax_pushdown_bug warn.gpu_set_subtensor1 warn.gpusum_01_011_0111_bug warn.identify_1pexp_bug "
            + "warn.ignore_bug_before warn.inc_set_subtensor1 warn.inc_subtensor1_opt warn.reduce_join warn.round "
            + "warn.signal_conv2d_interface warn.subtensor_merge_bug warn.sum_div_dimshuffle_bug warn.sum_sum_bug "
            + "warn.vm_gc_bug"),
    ];

    /// <summary>Values that a setting cannot have here, each with its replacement and the reason.</summary>
    private static readonly (string Key, Func<string, bool> Is, string Instead, string Why)[] s_impossible =
    [
        ("device", value => value.StartsWith("opencl", StringComparison.Ordinal), "auto", "there is no OpenCL here"),
        ("floatX", value => value is "float16" or "16", "float32", "numbers of 16 bits are what --precision stores"),
        ("mode", value => value is "profilemode" or "profile_mode", "Mode", "it is --profile that times kernels"),
        ("mode", value => value is "monitormode", "Mode", "nothing is called between steps"),
    ];

    /// <summary>Theano's names of rewrites that exist here too.</summary>
    private static readonly Dictionary<string, string> s_rewrites = new(StringComparer.OrdinalIgnoreCase)
    {
        ["fusion"] = "fuse",
        ["elemwise_fusion"] = "fuse",
        ["gpu_elemwise_fusion"] = "fuse",
        ["local_elemwise_fusion"] = "fuse",
        ["merge"] = "merge",
        ["merge1"] = "merge",
        ["constant_folding"] = "fold",
        ["canonicalize"] = "canonicalize",
        ["stabilize"] = "stabilize",
    };

    private static readonly FrozenSet<string> s_ignored = Ignored
        .SelectMany(row => row.Keys.Split(' '))
        .Append(NvccFlags)
        .ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Returns whether Theano has this key.</summary>
    public static bool IsKey(string key) => s_ignored.Contains(key) || Setting.Find(key) is not null;

    /// <summary>Translates Theano's entries to entries of this engine.</summary>
    /// <param name="entries">The entries.</param>
    /// <param name="notes">Receives notes about ignored keys, with the reasons.</param>
    public static IEnumerable<Entry> Translate(IEnumerable<Entry> entries, TheanoNotes notes)
    {
        foreach (Entry entry in entries)
        {
            Entry? meant = Translate(entry, notes);
            if (meant is not null)
            {
                yield return meant;
            }
        }
    }

    /// <summary>Returns the names here of Theano's rewrites that an entry leaves out.</summary>
    private static IEnumerable<string> Rewrites(Entry entry, TheanoNotes notes)
    {
        const StringSplitOptions Tidy = StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries;
        foreach (string name in entry.Value.Split(':', Tidy))
        {
            if (s_rewrites.TryGetValue(name, out string? here))
            {
                yield return here;
            }
            else
            {
                notes.Ignore(entry.Source, $"{Excluding}={name}", isKnown: true);
            }
        }
    }

    private static Entry? Translate(Entry entry, TheanoNotes notes)
    {
        if (entry.Key.Equals(NvccFlags, StringComparison.OrdinalIgnoreCase)
            && entry.Value.Contains("-use_fast_math", StringComparison.Ordinal))
        {
            return entry with { Key = FastMath, Value = "True" };
        }

        // optimizer_including exists in both, but none of its rewrites here exists in Theano.
        if (s_ignored.Contains(entry.Key) || Setting.Find(entry.Key) is not { } setting)
        {
            notes.Ignore(entry.Source, entry.Key, s_ignored.Contains(entry.Key));
            return null;
        }

        if (setting.Key == Excluding)
        {
            return entry with { Value = string.Join(':', Rewrites(entry, notes)) };
        }

        string value = entry.Value.ToLowerInvariant();
        foreach ((string key, Func<string, bool> isOne, string instead, string why) in s_impossible)
        {
            if (key == setting.Key && isOne(value))
            {
                notes.Replace($"{entry.Source}: {key} = {entry.Value} is taken for {instead}: {why}.");
                return entry with { Value = instead };
            }
        }

        return entry;
    }
}

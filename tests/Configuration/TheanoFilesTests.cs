using Engine.Build;
using Engine.Configuration;

namespace Engine.Tests.Configuration;

/// <summary>The files of Theano's users are read unchanged.</summary>
public class TheanoFilesTests
{
    private const string Nothing = "without an equivalent here: ", Unknown = "unknown to Theano, too: ";
    private static readonly EngineOptions s_defaults = new();
    private static readonly DeviceChoice s_cpu = new(DeviceFamily.Cpu), s_gpu = new(DeviceFamily.Cuda);
    private readonly Dictionary<string, string> _environment = [];
    private TempFolder _current = null!;
    private TempFolder _home = null!;

    [SetUp]
    public void MakeFolders()
    {
        (_current, _home) = (new TempFolder(), new TempFolder());
        _environment.Clear();
    }

    [TearDown]
    public void DeleteFolders()
    {
        _current.Dispose();
        _home.Dispose();
    }

    private static IEnumerable<TestCaseData> Files()
    {
        EngineOptions gpu = s_defaults with { Device = s_gpu }, fast = gpu with { FastMath = true };
        yield return Case(
            "the article's", "[global]\ndevice = gpu\nfloatX = float32\n[nvcc]\nfastmath = True\n", fast, "");
        yield return Case(
            "the article's, a section and a key on one line",
            "[global]\ndevice = gpu\nfloatX = float32\n\n[nvcc] fastmath = True\n", gpu,
            "'fastmath = True' behind [nvcc] on line 5, which Python drops");
        yield return Case(
            "a GPU and a CUDA of one's own",
            "[global]\ndevice = gpu0\nfloatX = float32\n\n[cuda]\nroot = /usr/local/cuda-7.5\n",
            gpu with { Device = new DeviceChoice(DeviceFamily.Cuda, 0) }, Nothing + "cuda.root");
        yield return Case(
            "the new backend", "[global]\nfloatX = float32\ndevice = cuda0\n\n[gpuarray]\npreallocate = 1\n",
            gpu with { Device = new DeviceChoice(DeviceFamily.Cuda, 0) }, Nothing + "gpuarray.preallocate");
        yield return Case(
            "a memory pool", "\n[global]\nfloatX=float32\ndevice=cuda0\n\n[lib]\ncnmem=0.95\n",
            gpu with { Device = new DeviceChoice(DeviceFamily.Cuda, 0) }, Nothing + "lib.cnmem");
        yield return Case(
            "a container's",
            "[global]\ndevice=cpu\nfloatX=float32\nmode=FAST_RUN \n[lib]\ncnmem=0.95 \n[nvcc]\nfastmath=True \n"
            + "[blas]\nldflag = -L/usr/lib/openblas-base -lopenblas \n[DebugMode]\ncheck_finite=1\n",
            s_defaults with { Device = s_cpu, FastMath = true },
            $"{Nothing}lib.cnmem, DebugMode.check_finite; {Unknown}blas.ldflag");
        yield return Case(
            "keys with their section before them",
            "[global]\nfloatX=float32\ndevice=gpu\nmode=FAST_RUN\n\n[blas]\nblas.ldflags=-lblas\n",
            gpu, Unknown + "blas.blas.ldflags");
        yield return Case(
            "a cluster's",
            "[global]\nfloatX = float32\ndevice = gpu\nopenmp = True\nbase_compiledir = /scratch/me/theano\n"
            + "exception_verbosity = high\n\n[nvcc]\nfastmath = True\n\n[cuda]\nroot = /usr/local/cuda-6.5/\n\n"
            + "[blas]\nldflags = -L /usr/lib64 -lblas\n",
            fast, Nothing + "openmp, base_compiledir, exception_verbosity, cuda.root, blas.ldflags");
        yield return Case(
            "Windows'",
            "[global]\r\nfloatx = float32\r\ndevice = cuda\r\nmode = FAST_RUN\r\noptimizer_including = cudnn\r\n"
            + "cxx = C:\\MinGW\\bin\\g++.exe\r\n\r\n[gcc]\r\ncxxflags = -LC:\\MinGW\\include -lm\r\n\r\n[nvcc]\r\n"
            + "flags = -LC:\\Anaconda3\\libs\r\n"
            + "compiler_bindir = C:\\Program Files (x86)\\Microsoft Visual Studio 12.0\\VC\\bin\r\n"
            + "fastmath = True\r\n[dnn]\r\nenabled=True\r\nconv.algo_bwd_filter = deterministic\r\n",
            fast,
            Nothing + "optimizer_including, cxx, gcc.cxxflags, nvcc.flags, nvcc.compiler_bindir, dnn.enabled, "
            + "dnn.conv.algo_bwd_filter");
        yield return Case(
            "a key in another's section",
            "[global]  \ndevice=gpu  \nfloatX=float32 \n\n[dnn.conv]\nalgo_bwd_filter = deterministic\n\n[nvcc]\n"
            + "fastmath = True\noptimizer_including=cudnn\n",
            fast, $"{Nothing}dnn.conv.algo_bwd_filter; {Unknown}nvcc.optimizer_including");
        yield return Case(
            "comments behind values", "[global]\ndevice = gpu  # use gpu\nfloatX = float32 ; or float64\n", gpu, "");
        yield return Case(
            "colons", "[global]\ndevice: cuda1\nfloatX: float64\n",
            gpu with { Device = new DeviceChoice(DeviceFamily.Cuda, 1), FloatX = DType.Float64 }, "");
        yield return Case(
            "a bracket that ends early", "[global]\nfloatX = float32\n[mode]=FAST_RUN\n", s_defaults,
            "'=FAST_RUN' behind [mode] on line 3, which Python drops");
        yield return Case(
            "lines that go on",
            "[global]\ndevice=cpu\n[gcc]\ncxxflags = -O3\n   -march=native\n   device=gpu\n[global]\nfloatX=float64\n",
            s_defaults with { Device = s_cpu, FloatX = DType.Float64 }, Nothing + "gcc.cxxflags");
        yield return Case(
            "names in values",
            "[DEFAULT]\nid = 2\n[global]\ndevice = gpu%(id)s\nbase_compiledir = /tmp/theano-%(USER)s\n",
            gpu with { Device = new DeviceChoice(DeviceFamily.Cuda, 2) }, Nothing + "base_compiledir");
        yield return Case(
            "what all sections have", "[DEFAULT]\ndevice = cpu\n[global]\nfloatX = 64\n",
            s_defaults with { Device = s_cpu, FloatX = DType.Float64 }, "");
        yield return Case("for debugging", "[global]\nmode = DebugMode\n[DebugMode]\npatience = 2\n",
            s_defaults with { Mode = Mode.DebugMode }, Nothing + "DebugMode.patience");
        yield return Case(
            "a quick compilation", "[global]\nmode = FAST_COMPILE\noptimizer = fast_run\n",
            s_defaults with { Optimizer = Optimizer.FastCompile }, "");
        yield return Case(
            "no optimization", "[global]\noptimizer = None\nallow_gc = False\nlinker = vm\n",
            s_defaults with { Optimizer = Optimizer.None }, Nothing + "allow_gc, linker");
        yield return Case(
            "without some rewrites", "[global]\noptimizer_excluding = conv_dnn : local_elemwise_fusion\n",
            s_defaults with { OptimizerExcluding = "fuse" }, Nothing + "optimizer_excluding=conv_dnn");
        yield return Case(
            "flags of nvcc", "[nvcc]\nflags = -arch=sm_35 -use_fast_math\n", s_defaults with { FastMath = true }, "");
        yield return Case(
            "NaNs", "[global]\nmode=NanGuardMode\nwarn_float64=raise\n[NanGuardMode]\nbig_is_error=False\n",
            s_defaults with { Mode = Mode.NanGuardMode }, Nothing + "warn_float64, NanGuardMode.big_is_error");
        yield return Case(
            "a key twice", "[global]\ndevice = gpu\nDevice = cpu\n[lib]\ncnmem = 1\n[global]\nfloatX = float64\n",
            s_defaults with { Device = s_cpu, FloatX = DType.Float64 }, Nothing + "lib.cnmem");
        yield return Case(
            "keys that nobody knows", "[global]\nallow_input_downcast=True\n\\cxx = g++\n[mine]\nkey = 1\n", s_defaults,
            Unknown + "allow_input_downcast, \\cxx, mine.key");
        yield return Case(
            "half precision", "[global]\ndevice = cuda\nfloatX = float16\n", gpu, "",
            "line 3: floatX = float16 is taken for float32: numbers of 16 bits are what --precision stores.");
        yield return Case(
            "OpenCL", "[global]\ndevice = opencl0:0\n", s_defaults, "",
            "line 2: device = opencl0:0 is taken for auto: there is no OpenCL here.");
        yield return Case(
            "profiling", "[global]\nmode = ProfileMode\nprofile = True\n", s_defaults, Nothing + "profile",
            "line 2: mode = ProfileMode is taken for Mode: it is --profile that times kernels.");
        yield return Case("empty", "", s_defaults, "");
    }

    [TestCaseSource(nameof(Files))]
    public void A_file_serves_as_it_stands(string text, EngineOptions expected, string ignored, string replaced)
    {
        File.WriteAllText(_home.File(".theanorc"), text);

        (EngineOptions options, string notes) = Load();

        string where = ignored.StartsWith('\'') ? "" : $" in {_home.File(".theanorc")}";
        string[] lines =
        [
            .. ignored.Length == 0
                ? []
                : new[] { $"NOTE: ignored of Theano's configuration{where}: {ignored}." },
            .. replaced.Length == 0 ? [] : new[] { $"NOTE: {_home.File(".theanorc")}, {replaced}" },
        ];
        Assert.That(options, Is.EqualTo(expected));
        Assert.That(notes, Is.EqualTo(string.Concat(lines.Select(line => line + Environment.NewLine))));
    }

    // In the order in which one overrides another.
    [TestCase("", "float64", "at home")]
    [TestCase("current", "float32", "in the current folder")]
    [TestCase("current enginerc", "float64", ".enginerc")]
    [TestCase("current enginerc THEANO_FLAGS", "float32", "Theano's flags")]
    [TestCase("current enginerc THEANO_FLAGS ENGINE_FLAGS", "float64", "the flags")]
    [TestCase("current THEANORC", "float64", "the file that is named, and no other")]
    [TestCase("current enginerc ENGINERC", "float64", "the file that is named, and no other")]
    public void One_source_stands_over_another(string sources, string floatX, string what)
    {
        File.WriteAllText(_home.File(".theanorc"), "[global]\nfloatX = float64\ndevice = cpu\n");
        foreach (string source in sources.Split(' '))
        {
            switch (source)
            {
                case "current":
                    File.WriteAllText(_current.File(".theanorc"), "[global]\nfloatX = float32\n");
                    break;
                case "enginerc":
                    File.WriteAllText(_current.File(".enginerc"), "[global]\nfloatX = float64\n");
                    break;
                case "THEANORC" or "ENGINERC":
                    File.WriteAllText(_current.File("named"), "[global]\nfloatX = float64\n");
                    _environment[source] = "named";
                    break;
                case { Length: > 0 }:
                    _environment[source] = $"floatX={floatX}";
                    break;
            }
        }

        EngineOptions options = Load().Options;

        Assert.That(options.FloatX.Name(), Is.EqualTo(floatX), what);

        // Keys that only the file in the home folder has.
        bool isNamed = sources.Contains("RC", StringComparison.Ordinal);
        Assert.That(options.Device, Is.EqualTo(isNamed ? s_defaults.Device : s_cpu));
    }

    [Test]
    public void Of_the_files_that_the_variable_names_the_later_one_counts_and_a_missing_one_does_not()
    {
        File.WriteAllText(_home.File("first"), "[global]\ndevice = cpu\nfloatX = float32\n");
        File.WriteAllText(_home.File("second"), "[global]\nfloatX = float64\n");
        _environment["THEANORC"] =
            string.Join(Path.PathSeparator, "~/first", "missing", _home.File("second"), "/dev/null");

        Assert.That(Load().Options, Is.EqualTo(s_defaults with { Device = s_cpu, FloatX = DType.Float64 }));
    }

    [Test]
    public void Flags_of_Theano_are_taken_or_passed_over()
    {
        _environment["THEANO_FLAGS"] =
            "mode=FAST_RUN,device=gpu,floatX=float32,lib.cnmem=0.8,gcc.cxxflags='-O3,-g',nvcc.fastmath=True,profile,"
            + "x=1";

        (EngineOptions options, string notes) = Load();

        Assert.That(options, Is.EqualTo(s_defaults with { Device = s_gpu, FastMath = true }));
        Assert.That(notes, Is.EqualTo(
            $"NOTE: ignored of Theano's configuration in $THEANO_FLAGS: {Nothing}lib.cnmem, gcc.cxxflags; "
            + $"{Unknown}x; 'profile' in $THEANO_FLAGS, which has no value.{Environment.NewLine}"));
    }

    [Test]
    public void What_is_ignored_in_several_places_is_told_once()
    {
        File.WriteAllText(_home.File(".theanorc"), "[lib]\ncnmem = 1\n");
        File.WriteAllText(_current.File(".theanorc"), "[lib]\ncnmem = 0\n[blas]\nldflags =\n");
        _environment["THEANO_FLAGS"] = "lib.cnmem=1";

        Assert.That(Load().Notes.Split(Environment.NewLine), Has.Length.EqualTo(2));
    }

    [TestCase("[global]\nfloatX = float99\n", "line 2: floatX cannot be 'float99'; it may be float32, float64.")]
    [TestCase("[global]\ndevice = tpu\n", "line 2: device cannot be 'tpu'; it may be " + DeviceChoice.Values + ".")]
    [TestCase(
        "[global]\ndevice = gpu\n  floatX = float32\n",
        "line 2: device cannot be 'gpu floatX = float32'; it may be " + DeviceChoice.Values
        + ". The lines below it are indented, and so go on with its value.")]
    [TestCase("device = gpu\n", "line 1: 'device = gpu' stands before any section; write [global] above it.")]
    [TestCase("[global\n", "line 1: '[global' has no ].")]
    public void What_did_not_work_there_does_not_work_here(string text, string message)
    {
        File.WriteAllText(_home.File(".theanorc"), text);

        Assert.That(() => Load(), Throws.TypeOf<EngineException>()
            .With.Message.EqualTo($"{_home.File(".theanorc")}, {message}"));
    }

    // The result of ConfigParser.get, or of RawConfigParser.get if the former raises an InterpolationError.
    [TestCase("[global]\ndevice = %(dev)s\ndev = gpu1\n", "gpu1")]
    [TestCase("[DEFAULT]\nname=cuda\n[global]\nn=0\ndevice=%(name)s%(n)s\n", "cuda0")]
    [TestCase("[global]\ndevice=%(none)s\n", "%(none)s")]
    [TestCase("[global]\ndevice=100%%\n", "100%")]
    [TestCase("[global]\ndevice=100%\n", "100%")]
    [TestCase("[global]\na=%(b)s\nb=%(a)s\ndevice=%(a)s\n", "%(a)s")]
    [TestCase("[global]\ndevice=/tmp/%(USER)s\n", "/tmp/ann")]
    [TestCase("[global]\nB=x\ndevice=%(b)s-%(B)s\n", "x-x")]
    [TestCase("[global]\ndevice=%(b\n", "%(b")]
    public void Names_in_values_stand_for_what_Python_puts_there(string text, string device)
    {
        File.WriteAllText(_home.File(".theanorc"), text);
        _environment["USER"] = "ann";

        IReadOnlyList<Entry> entries =
            TheanoFiles.Read(_environment.GetValueOrDefault, _current.Path, _home.Path, new List<string>());

        Assert.That(entries.Single(entry => entry.Key == "device").Value, Is.EqualTo(device));
    }

    [Test]
    public void Every_key_that_a_release_of_Theano_has_is_taken_or_passed_over()
    {
        string[] keys =
        [
            "device", "floatX", "mode", "nvcc.fastmath", "nvcc.flags", "optimizer", "optimizer_excluding",
            .. TheanoKeys.Ignored.SelectMany(row => row.Keys.Split(' ')),
        ];

        Assert.That(keys, Is.EquivalentTo(AllKeys.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
        Assert.That(keys.All(TheanoKeys.IsKey), Is.True);
    }

    [Test]
    public void The_table_of_the_page_for_its_users_is_that_of_the_program()
    {
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "from-theano.md"));

        foreach ((string instead, string keys) in TheanoKeys.Ignored)
        {
            string listed = keys.Replace(" ", "`, `", StringComparison.Ordinal);
            Assert.That(page, Does.Contain($"\n| `{listed}` | {instead} |\n"));
        }
    }

    private static TestCaseData Case(
        string name, string text, EngineOptions expected, string ignored, string replaced = "") =>
        new TestCaseData(text, expected, ignored, replaced).SetArgDisplayNames(name);

    private (EngineOptions Options, string Notes) Load()
    {
        using var notes = new StringWriter();
        var options = EngineOptions.Load(null, _environment.GetValueOrDefault, _current.Path, _home.Path, notes);
        return (options, notes.ToString());
    }

    /// <summary>The names in all calls of AddConfigVar of the releases 0.4.1 to 1.0.5.</summary>
    private const string AllKeys = """
        allow_gc assert_no_cpu_op base_compiledir blas.check_openmp blas.ldflags cache_optimizations
        cast_policy check_input check_stack_trace cmodule.age_thresh_use cmodule.compilation_warning
        cmodule.debug cmodule.mac_framework_link cmodule.preload_cache cmodule.remove_gxx_opt
        cmodule.warn_no_version compile.timeout compile.wait compiledir compiledir_format compute_test_value
        compute_test_value_opt contexts conv.assert_shape ctc.root cublas.lib cuda.enabled cuda.include_path
        cuda.nvccflags cuda.root cxx cycle_detection DebugMode.check_c DebugMode.check_finite
        DebugMode.check_preallocated_output DebugMode.check_preallocated_output_ndim DebugMode.check_py
        DebugMode.check_strides DebugMode.patience DebugMode.warn_input_not_reused deterministic device
        dnn.base_path dnn.bin_path dnn.conv.algo_bwd dnn.conv.algo_bwd_data dnn.conv.algo_bwd_filter
        dnn.conv.algo_fwd dnn.conv.precision dnn.conv.workmem dnn.conv.workmem_bwd dnn.enabled
        dnn.include_path dnn.library_path enable_initial_driver_test exception_verbosity
        experimental.local_alloc_elemwise experimental.local_alloc_elemwise_assert experimental.mrg
        experimental.unpickle_gpu_on_cpu floatX force_device gcc.cxxflags gpu.local_elemwise_fusion
        gpuarray.cache_path gpuarray.init_device gpuarray.preallocate gpuarray.sched gpuarray.single_stream
        gpuarray.sync gpuelemwise.sync home init_gpu_device int_division lib.amdlibm lib.cnmem linker
        magma.enabled magma.include_path magma.library_path metaopt.optimizer_excluding
        metaopt.optimizer_including metaopt.verbose mode NanGuardMode.action NanGuardMode.big_is_error
        NanGuardMode.inf_is_error NanGuardMode.nan_is_error nocleanup numpy.seterr_all numpy.seterr_divide
        numpy.seterr_invalid numpy.seterr_over numpy.seterr_under nvcc.compiler_bindir nvcc.cudafe
        nvcc.fastmath nvcc.flags on_opt_error on_shape_error on_unused_input op.set_flops openmp
        openmp_elemwise_minsize optdb.max_use_ratio optdb.position_cutoff optimizer optimizer_excluding
        optimizer_including optimizer_requiring optimizer_verbose pickle_test_value print_active_device
        print_global_stats print_test_value profile profile_memory profile_optimizer
        ProfileMode.min_memory_size ProfileMode.n_apply_to_print ProfileMode.n_ops_to_print
        ProfileMode.profile_memory profiling.debugprint profiling.destination profiling.ignore_first_call
        profiling.min_memory_size profiling.min_peak_memory profiling.n_apply profiling.n_ops
        profiling.output_line_width profiling.time_thunks pycuda.init reoptimize_unpickled_function
        scan.allow_gc scan.allow_output_prealloc scan.debug shared.value_borrows tensor.cmp_sloppy
        tensor.insert_inplace_optimizer_validate_nb tensor.local_elemwise_fusion time_eq_optimizer
        time_seq_optimizer traceback.compile_limit traceback.limit unittests.rseed unpickle_function vm.lazy
        warn.argmax_pushdown_bug warn.gpu_set_subtensor1 warn.gpusum_01_011_0111_bug warn.identify_1pexp_bug
        warn.ignore_bug_before warn.inc_set_subtensor1 warn.inc_subtensor1_opt warn.reduce_join warn.round
        warn.signal_conv2d_interface warn.subtensor_merge_bug warn.sum_div_dimshuffle_bug warn.sum_sum_bug
        warn.vm_gc_bug warn_float64
        """;
}

using System.CodeDom.Compiler;
using System.Collections;
using System.Collections.Concurrent;
using System.Reflection;
using Engine.Compile;
using Engine.Devices;

namespace Engine.Tests.Architecture;

/// <summary>
/// The library holds no state that one network could change and another could notice. A static field is set once, to an
/// immutable value, or it is listed here with a reason.
/// </summary>
public class StaticStateTests
{
    private const BindingFlags Declared = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public
        | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<string, string> s_argued = new()
    {
        ["Compile.CompileOptions.Default"] = "set by a program for all it compiles later; a function keeps its own",
        ["Devices.Device.s_default"] = "set by a program for all it makes later; networks and functions keep theirs",
        ["Devices.Cpu.ThreadTeam.s_self"] = "of one thread: which of its team it is",
        ["Graph.Gate.t_readings"] = "of one thread: what it is reading",
        ["Graph.Origin.t_current"] = "of one thread: which layer it is building",
        ["Graph.Variable.s_created"] = "counts variables, so that each has its own number; only their order matters",
        ["Ops.LoopCode.s_kernels"] = "code that is made once: the same key gives the same code to everybody",
        ["Devices.Cuda.KernelSource.s_files"] = "texts out of the assembly, each read once",
        ["Ops.CudaEpilogue.None"] = "nothing to be done, with no operands that could change",
        ["Data.CustomTransforms.s_known"] =
            "the transforms that a program gives names to, which its files may then have",
        ["Models.CustomLayers.s_known"] = "the layers that a program gives names to, which its files may then have",
        ["Models.Description.NetworkDescription.s_format"] = "how JSON is written, which is never set again",
        ["Training.TrainingState.s_format"] = "how JSON is written, which its first use locks",
        ["Interop.Driver.s_failure"] = "why a process has no driver, found out once",
        ["Interop.LargePages.s_isMissing"] = "whether a system has no large pages, found out once",
        ["Interop.Mpi.s_aside"] = "the ranks' second communicator, made once when MPI starts",
        ["Interop.Nvrtc.s_preferred"] = "which of several NVRTCs the driver took the images of, found out once",
        ["Interop.Nvtx.s_profiler"] = "the profiler that watches the process, found out once",
    };

    private static readonly string[] s_writers =
    [
        "set_Item", "Add", "TryAdd", "GetOrAdd", "AddOrUpdate", "Insert", "Remove", "TryRemove", "Clear", "Enqueue",
        "Push",
    ];

    private static readonly Assembly s_engine = typeof(Tensor).Assembly;

    [Test]
    public void What_is_static_does_not_change_or_is_argued_for()
    {
        List<Instruction>[] bodies = Bodies(s_engine.GetTypes());
        string[] changing = [.. s_engine.GetTypes()
            .Where(type => type.Namespace?.StartsWith("Engine", StringComparison.Ordinal) == true)
            .Where(type => type.Name[0] != '<' && !type.IsDefined(typeof(GeneratedCodeAttribute)))
            .SelectMany(type => type.GetFields(Declared))
            .Where(field => field.IsStatic && !field.IsLiteral && CanChange(field, bodies))
            .Select(Name)];

        Assert.That(changing, Is.EquivalentTo(s_argued.Keys));
    }

    [TestCase(nameof(Examples.Counter), true)]
    [TestCase(nameof(Examples.Known), false)]
    [TestCase(nameof(Examples.Remembered), true)]
    [TestCase(nameof(Examples.Table), false)]
    [TestCase(nameof(Examples.Scratch), true)]
    [TestCase(nameof(Examples.Box), true)]
    [TestCase(nameof(Examples.Fixed), false)]
    public void What_can_change_is_told_from_what_cannot(string name, bool canChange)
    {
        FieldInfo field = typeof(Examples).GetField(name, Declared)!;

        Assert.That(CanChange(field, Bodies([typeof(Examples)])), Is.EqualTo(canChange));
    }

    [Test]
    public void Networks_and_functions_keep_the_defaults_they_were_made_with()
    {
        CompileOptions options = CompileOptions.Default;
        using var function = Function.Compile([], [Engine.Ops.Symbolic.Constant(1)]);
        try
        {
            CompileOptions.Default = options with { Optimizer = Optimizer.None };

            Assert.That(function.Options, Is.SameAs(options));
            Assert.That(function.Device, Is.SameAs(Device.Default));
        }
        finally
        {
            CompileOptions.Default = options;
        }
    }

    private static bool CanChange(FieldInfo field, List<Instruction>[] bodies) =>
        !field.IsInitOnly
        || (IsCollection(field.FieldType) ? IsWritten(field, bodies) : !IsConstant(field.FieldType, []));

    private static bool IsCollection(Type type) => type.IsArray || typeof(IDictionary).IsAssignableFrom(type)
        || (typeof(ICollection).IsAssignableFrom(type) && !type.Name.Contains("ReadOnly", StringComparison.Ordinal));

    /// <summary>Whether nothing reachable from a value of this type can be set after its creation.</summary>
    private static bool IsConstant(Type type, HashSet<Type> seen)
    {
        if (type.IsPrimitive || type.IsEnum || type.IsPointer || type.IsGenericParameter || !seen.Add(type)
            || typeof(Delegate).IsAssignableFrom(type) || typeof(MemberInfo).IsAssignableFrom(type))
        {
            return true;
        }

        if (type.Namespace is "System" or "System.Text.RegularExpressions" && !type.IsArray)
        {
            return type.GenericTypeArguments.All(argument => IsConstant(argument, seen));
        }

        if (type.IsInterface)
        {
            return type.Name.Contains("ReadOnly", StringComparison.Ordinal)
                && type.GenericTypeArguments.All(argument => IsConstant(argument, seen));
        }

        for (Type? at = type; at is not null && at != typeof(object) && at != typeof(ValueType); at = at.BaseType)
        {
            // The contents of a struct change only with the field that holds it.
            if (at.GetFields(Declared).Any(field => !field.IsStatic
                && !((field.IsInitOnly || at.IsValueType) && IsConstant(field.FieldType, seen))))
            {
                return false;
            }
        }

        return type.Assembly == s_engine;
    }

    /// <summary>Returns the methods' instructions without static initializers.</summary>
    private static List<Instruction>[] Bodies(Type[] types) =>
    [
        .. types.SelectMany(type => type.GetMembers(Declared)).OfType<MethodBase>()
            .Where(method => method.Name != ".cctor")
            .Select(method => Instruction.Of(method).ToList()),
    ];

    /// <summary>Returns whether a method writes to the collection in a field.</summary>
    private static bool IsWritten(FieldInfo field, List<Instruction>[] bodies) => bodies
        .Any(body => body.Index().Any(step => step.Item.Member is FieldInfo named
            && named.MetadataToken == field.MetadataToken && named.Module == field.Module
            && (field.FieldType.IsArray
                ? IsStoredTo(body.Skip(step.Index + 1))
                : body.Skip(step.Index + 1).Any(later => IsWriterOf(field.FieldType, later)))));

    private static bool IsWriterOf(Type collection, Instruction step) =>
        step.Member is MethodInfo { DeclaringType: { } owner } called && s_writers.Contains(called.Name)
        && owner.IsAssignableFrom(collection);

    /// <summary>Whether the first use of an array on the stack is a store.</summary>
    private static bool IsStoredTo(IEnumerable<Instruction> after) => after
        .Select(step => step.Code.Name!)
        .FirstOrDefault(code => code.StartsWith("stelem", StringComparison.Ordinal)
            || code is "ldelema" or "ldlen" or "newarr" or "newobj" or "ret"
            || code.StartsWith("ldelem", StringComparison.Ordinal)
            || code.StartsWith("call", StringComparison.Ordinal)
            || code.StartsWith("stloc", StringComparison.Ordinal))
        ?.StartsWith("stelem", StringComparison.Ordinal) == true;

    private static string Name(FieldInfo field)
    {
        string name = field.Name[0] == '<' ? field.Name[1..].Split('>')[0] : field.Name;
        return $"{field.DeclaringType!.FullName!["Engine.".Length..]}.{name}";
    }

    /// <summary>Types on which the check itself is tested.</summary>
    private static class Examples
    {
        public static readonly Dictionary<string, int> Known = new() { ["a"] = 1 };
        public static readonly ConcurrentDictionary<string, int> Remembered = new();
        public static readonly int[] Table = [1, 2, 3];
        public static readonly int[] Scratch = new int[3];
        public static readonly Changeable Box = new();
        public static readonly (string Name, Type Type) Fixed = ("a", typeof(int));
        public static int Counter;

        public static int Use(string name)
        {
            Counter++;
            int[] own = [Known[name], Table[0], Box.Value];
            return own[0];
        }

        public static int Remember(string name) => Remembered.GetOrAdd(name, key => key.Length);

        public static void Write(int value) => Scratch[0] = value;
    }

    private sealed class Changeable
    {
        public int Value { get; set; }
    }
}

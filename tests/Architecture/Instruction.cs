using System.Reflection;
using System.Reflection.Emit;

namespace Engine.Tests.Architecture;

/// <summary>One instruction of a compiled method.</summary>
/// <param name="Code">The operation.</param>
/// <param name="Member">The type, field or method that it names; null if it names none.</param>
internal sealed record Instruction(OpCode Code, MemberInfo? Member)
{
    private static readonly Dictionary<short, OpCode> s_codes = typeof(OpCodes)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value);

    /// <summary>Returns the instructions of a method's body, in order; none for an abstract method.</summary>
    public static IEnumerable<Instruction> Of(MethodBase method)
    {
        byte[]? il = method.GetMethodBody()?.GetILAsByteArray();
        for (int at = 0; il is not null && at < il.Length;)
        {
            OpCode code = s_codes[il[at] == 0xFE ? (short)(0xFE00 | il[at + 1]) : il[at]];
            at += code.Size;
            bool isNamed = code.OperandType is OperandType.InlineField or OperandType.InlineMethod
                or OperandType.InlineTok or OperandType.InlineType;
            yield return new Instruction(code, isNamed ? Resolve(method, BitConverter.ToInt32(il, at)) : null);
            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(il, at)),
                _ => 4,
            };
        }
    }

    private static MemberInfo? Resolve(MethodBase method, int token) => method.Module.ResolveMember(
        token,
        method.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : null,
        method.IsGenericMethod ? method.GetGenericArguments() : null);
}

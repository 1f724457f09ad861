using Engine.Graph;

namespace Engine.Ops;

/// <summary>Arithmetic on variables as C# writes it.</summary>
public static class Operators
{
    extension(Variable)
    {
        /// <summary>The element-wise sum.</summary>
        public static Variable operator +(Variable left, Variable right) => Symbolic.Add(left, right);

        /// <summary>The element-wise sum.</summary>
        public static Variable operator +(Variable left, double right) => Symbolic.Add(left, Symbolic.Constant(right));

        /// <summary>The element-wise sum.</summary>
        public static Variable operator +(double left, Variable right) => Symbolic.Add(Symbolic.Constant(left), right);

        /// <summary>The element-wise difference.</summary>
        public static Variable operator -(Variable left, Variable right) => Symbolic.Subtract(left, right);

        /// <summary>The element-wise difference.</summary>
        public static Variable operator -(Variable left, double right) => Symbolic.Subtract(left, Symbolic.Constant(right));

        /// <summary>The element-wise difference.</summary>
        public static Variable operator -(double left, Variable right) => Symbolic.Subtract(Symbolic.Constant(left), right);

        /// <summary>The element-wise product.</summary>
        public static Variable operator *(Variable left, Variable right) => Symbolic.Multiply(left, right);

        /// <summary>The element-wise product.</summary>
        public static Variable operator *(Variable left, double right) => Symbolic.Multiply(left, Symbolic.Constant(right));

        /// <summary>The element-wise product.</summary>
        public static Variable operator *(double left, Variable right) => Symbolic.Multiply(Symbolic.Constant(left), right);

        /// <summary>The element-wise quotient.</summary>
        public static Variable operator /(Variable left, Variable right) => Symbolic.Divide(left, right);

        /// <summary>The element-wise quotient.</summary>
        public static Variable operator /(Variable left, double right) => Symbolic.Divide(left, Symbolic.Constant(right));

        /// <summary>The element-wise quotient.</summary>
        public static Variable operator /(double left, Variable right) => Symbolic.Divide(Symbolic.Constant(left), right);

        /// <summary>The negative.</summary>
        public static Variable operator -(Variable value) => Symbolic.Negate(value);
    }
}

"""The programs that paint the course's own style pictures, one module per picture."""

"""Publishing: put versions into the model store atomically, rebuild them and verify them."""

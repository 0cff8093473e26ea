import os, sys
import json
def  area( width,height = 2 ):
    unused = 1
    if width==None : return 0
    return width*height

class Shape( object ):
  def __init__(self, sides):
      self.sides=sides
      self.names = { 'one':1,
   "two": 2 }
  def describe( self ):
      print( "A shape with %d sides" % self.sides, file = sys.stderr )
      return json.dumps({'sides':self.sides, 'names' : self.names, 'a rather long key to make the line too long': True})


if __name__=='__main__':
    print(area( 3 )); print(Shape(4).describe())
